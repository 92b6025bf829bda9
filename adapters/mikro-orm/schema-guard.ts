import type { MikroORM } from '@mikro-orm/core';

export const defaultSchema = 'handover';

interface SchemaGeneratorConfig {
  readonly schemaGenerator?: { readonly ignoreSchema?: string[] };
}

/**
 * Adds to a MikroORM config what makes its schema generator leave the event store alone: without it
 * `orm.schema.update()` and new migrations drop every table they do not know.
 *
 * `MikroORM.init(ignoreHandoverSchema({ entities, … }))`, or `...ignoreHandoverSchema()` within a config that sets no
 * `schemaGenerator` of its own.
 *
 * @param schema That of `mikroOrmLog`. Default `handover`.
 */
export function ignoreHandoverSchema<Config extends object = object>(
  config?: Config & SchemaGeneratorConfig,
  schema: string = defaultSchema,
): Config & { schemaGenerator: { ignoreSchema: string[] } } {
  const generator = config?.schemaGenerator;
  const ignored = new Set(generator?.ignoreSchema).add(schema);
  return { ...config, schemaGenerator: { ...generator, ignoreSchema: [...ignored] } } as ReturnType<
    typeof ignoreHandoverSchema<Config>
  >;
}

const warned = new WeakMap<object, Set<string>>();

/** Warns, once for each ORM and schema, when a schema update would drop the event store. */
export function warnIfUnguarded(orm: MikroORM, schema: string): void {
  if (orm.config.get('schemaGenerator').ignoreSchema?.includes(schema) === true) return;
  const schemas = warned.get(orm.config) ?? new Set();
  if (schemas.has(schema)) return;
  warned.set(orm.config, schemas.add(schema));
  process.emitWarning(
    `MikroORM's schema generator would drop the schema "${schema}" with every event in it.\n` +
      '  → Pass your config through `ignoreHandoverSchema()` of handover/mikro-orm.',
    { code: 'HANDOVER_SCHEMA_UNGUARDED' },
  );
}
