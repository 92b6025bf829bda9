/**
 * - `read`: leaves everything as it is.
 * - `control`: begins or ends a transaction or savepoint. `mixed`: does so among other things.
 * - `write`: anything else, and whatever is not known to be one of these.
 */
export type StatementKind = 'read' | 'control' | 'mixed' | 'write';

const quotedOrComment = /'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(\w*)\$[\s\S]*?\$\1\$|--[^\n]*|\/\*[\s\S]*?\*\//g;
const reading = /^[\s(]*(select|with|values|table|show|set local|set transaction)\b/i;
const controlling =
  /^\s*(begin|start transaction|commit|end|rollback|abort|savepoint|release|prepare transaction)\b/i;
const locking = /\bfor\s+(no\s+key\s+)?update\b/gi;
const changing =
  /\b(insert|update|delete|merge|truncate|create|alter|drop|grant|revoke|call|copy|into|nextval|setval|set_config|pg_notify|pg_advisory\w*|lo_\w+|dblink\w*)\b/i;
const calling = /\b(\w+)\s*\(/g;
const harmless = new Set([
  'now',
  'version',
  'coalesce',
  'current_setting',
  'pg_backend_pid',
  'clock_timestamp',
]);

/** A function that a `select … from` calls is taken to read only: SQL does not tell. */
export function kindOf(sql: string): StatementKind {
  const text = sql.replaceAll(quotedOrComment, ' ').replaceAll(locking, ' ').trim().replace(/;$/, '');
  const parts = text.split(';');
  if (parts.some((each) => controlling.test(each))) return parts.length === 1 ? 'control' : 'mixed';
  if (parts.length > 1) return 'write';
  if (!reading.test(text) || changing.test(text)) return 'write';
  if (/^set\b|\bfrom\b/i.test(text)) return 'read';
  const calls = Array.from(text.matchAll(calling), ([, name = '']) => name.toLowerCase());
  return calls.every((name) => harmless.has(name)) ? 'read' : 'write';
}

/** `insert into "orders"`: without values, which may be secrets. */
export function headOf(sql: string): string {
  return sql.trim().split(/\s+/, 3).join(' ').slice(0, 60);
}
