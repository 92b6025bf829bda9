import type { EntityManager } from '@mikro-orm/core';
import type { Effect } from '../../../src/index.js';
import { compile } from '../transactions/sql-connection.js';
import type { SqlTransaction } from '../transactions/sql-connection.js';
import type { Row } from './flushed-rows.js';

type Columns = Readonly<Record<string, unknown>>;

/**
 * Puts rows back to what they were before the effects, in the transaction given: a captured run shall find what the
 * run that performs has found. Where it cannot, or somebody locks a row for a second, all rows stay as they are.
 *
 * @returns Whether it could.
 */
export async function undoRows(
  em: EntityManager,
  handle: SqlTransaction,
  effects: readonly Effect[],
): Promise<boolean> {
  const rows = effects.filter((effect) => effect.kind === 'row');
  if (rows.length === 0) return true;
  if (rows.some(({ undo }) => undo === undefined)) return false;
  const quote = (name: string) => em.getPlatform().quoteIdentifier(name);
  const send = (sql: string, parameters: readonly unknown[] = []) =>
    handle.executeQuery(compile(sql, parameters));
  await send('savepoint handover_undo');
  try {
    await send('set local lock_timeout = 1000');
    for (const row of rows.toReversed()) {
      const { sql, parameters } = inverse(row, quote);
      await send(sql, parameters.map(asParameter));
    }
  } catch {
    await send('rollback to savepoint handover_undo');
    return false;
  }
  await send('set local lock_timeout to default');
  await send('release savepoint handover_undo');
  return true;
}

function inverse({ table, operation, undo }: Row, quote: (name: string) => string) {
  const { key, before } = undo as { readonly key: Columns; readonly before: Columns };
  const name = table.split('.').map(quote).join('.');
  const condition = (from: number) => listed(key, quote, from).join(' and ');
  if (operation === 'insert') {
    return { sql: `delete from ${name} where ${condition(1)}`, parameters: Object.values(key) };
  }
  if (operation === 'update') {
    const parameters = [...Object.values(before), ...Object.values(key)];
    const from = Object.keys(before).length + 1;
    return {
      sql: `update ${name} set ${listed(before, quote, 1).join(', ')} where ${condition(from)}`,
      parameters,
    };
  }
  const all = { ...before, ...key };
  const places = Object.keys(all).map((_, index) => `$${index + 1}`);
  return {
    sql: `insert into ${name} (${Object.keys(all).map(quote).join(', ')}) values (${places.join(', ')})`,
    parameters: Object.values(all),
  };
}

function listed(columns: Columns, quote: (name: string) => string, from: number): readonly string[] {
  return Object.keys(columns).map((name, index) => `${quote(name)} = $${from + index}`);
}

/** Out of JSON: PostgreSQL makes of text what the column holds. */
function asParameter(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if ('type' in value && value.type === 'Buffer' && 'data' in value)
    return Buffer.from(value.data as number[]);
  return JSON.stringify(value);
}
