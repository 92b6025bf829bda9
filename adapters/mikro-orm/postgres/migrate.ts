import { SchemaOutdated } from '../../../src/index.js';
import type { Execute } from '../execute.js';
import { DatabaseTooOld } from './database-too-old.js';
import { migrations } from './migrations/all.js';
import { lockKeys, quoteSchema, type QuotedSchema } from './schema-name.js';

/** The version of the schema that this code works with. */
export const wantedVersion: number = migrations.length;

const oldestServer = 130_000;

/**
 * Creates or upgrades the schema. A schema that is up to date takes no lock and no right to create anything.
 *
 * @param apart Commits each statement by itself.
 * @throws {SchemaOutdated} Newer code migrated it. {DatabaseTooOld} The server is older than PostgreSQL 13.
 */
export async function migrate(apart: Execute, schema: string): Promise<void> {
  await requireServer(apart);
  const found = await schemaVersion(apart, schema);
  if (found !== undefined && found > wantedVersion) throw new SchemaOutdated(schema, found, wantedVersion);
  if (found !== wantedVersion) await apart(upgrade(quoteSchema(schema)), []);
}

/** Version of the schema in the database; `undefined` where there is none. */
export async function schemaVersion(execute: Execute, schema: string): Promise<number | undefined> {
  const table = `${quoteSchema(schema)}.migrations`;
  const [state] = await execute<{ present: boolean }>('select to_regclass($1) is not null as present', [
    table,
  ]);
  if (state?.present !== true) return undefined;
  const [row] = await execute<{ version: number | null }>(`select max(version) as version from ${table}`, []);
  return row?.version ?? undefined;
}

async function requireServer(execute: Execute): Promise<void> {
  const [row] = await execute<{ server: number }>(
    `select current_setting('server_version_num')::int as server`,
    [],
  );
  if (row !== undefined && row.server < oldestServer) throw new DatabaseTooOld(row.server, oldestServer);
}

/** One statement, so that it commits as a whole or not at all; whoever comes second waits and finds nothing to do. */
function upgrade(schema: QuotedSchema): string {
  return /* sql */ `
do $upgrade$
begin
  perform pg_advisory_xact_lock(${lockKeys(schema).migration});
  perform set_config('lock_timeout', '5s', true);

  if to_regclass('${schema}.migrations') is null then
    if to_regnamespace('${schema}') is null then
      create schema ${schema};
    end if;
    create table ${schema}.migrations (
      version int primary key,
      migrated_at timestamptz not null default clock_timestamp()
    );
  end if;
${migrations.map((_, index) => step(schema, index)).join('')}
end
$upgrade$`;
}

function step(schema: QuotedSchema, index: number): string {
  const version = index + 1;
  return /* sql */ `
if not exists (select from ${schema}.migrations where version = ${version}) then
${migrations[index]?.statements(schema, lockKeys(schema))}
insert into ${schema}.migrations (version) values (${version});
end if;
`;
}
