import { ChangeSetType, JsonType } from '@mikro-orm/core';
import type { ChangeSet, EntityMetadata, EntityProperty, UnitOfWork } from '@mikro-orm/core';
import { snapshot } from '../../../src/index.js';
import type { Effect, RowUndo } from '../../../src/index.js';
import { eachLink } from '../lifecycle/collection-changes.js';
import type { Snapshot } from '../lifecycle/entity-change.js';
import { metaOf, snapshotOf } from '../lifecycle/stored-values.js';
import { GeneratedKeys } from './generated-keys.js';

/** None was made: each key is itself. */
const noKeys = new GeneratedKeys();

export type Row = Extract<Effect, { kind: 'row' }>;

/** Which part of a flush somebody has to do with. */
export interface Share {
  /** Whether the row as such is his, the columns of an update aside. */
  takes(change: ChangeSet<object>): boolean;
  takesColumn(change: ChangeSet<object>, property: string): boolean;
  readonly takesLinks: boolean;
}

type Columns = Readonly<Record<string, unknown>>;

interface Link {
  readonly owner: object;
  readonly property: EntityProperty;
  readonly item: object;
  readonly operation: 'insert' | 'delete';
}

/** The rows of one flush: what it was asked to write is read before, keys that the database makes after it. */
export class FlushedRows {
  readonly #uow: UnitOfWork;
  /** By change set, what the application has set itself. */
  readonly #given = new Map<ChangeSet<object>, ReadonlySet<string>>();
  /** What was stored of entities that are removed: writing forgets it. */
  readonly #removed = new Map<object, Snapshot>();
  readonly #links: readonly Link[];

  /** Call it in `onFlush`. */
  constructor(uow: UnitOfWork) {
    this.#uow = uow;
    for (const change of changesOf(uow)) {
      this.#given.set(change, new Set(Object.keys(change.payload)));
      if (operationOf(change.type) === 'delete')
        this.#removed.set(change.entity, snapshotOf(change.entity) ?? {});
    }
    this.#links = linksOf(uow);
  }

  /** Call it when all is written, and the unit of work still knows what. */
  rows(keys: GeneratedKeys, share: Share): readonly Row[] {
    const changes = changesOf(this.#uow).filter((change) => share.takes(change));
    for (const change of changes) this.#nameKey(change, keys);
    const rows = changes.flatMap((change) => this.#row(change, keys, share));
    return share.takesLinks ? [...rows, ...this.#links.map((link) => linkRow(link, keys))] : rows;
  }

  #nameKey(change: ChangeSet<object>, keys: GeneratedKeys): void {
    const [name, another] = change.meta.primaryKeys;
    if (change.type !== ChangeSetType.CREATE || name === undefined || another !== undefined) return;
    if (this.#isGiven(change, name)) return;
    keys.add(rootTable(change.meta), change.getPrimaryKey());
  }

  #row(change: ChangeSet<object>, keys: GeneratedKeys, share: Share): readonly Row[] {
    const operation = operationOf(change.type);
    const written = Object.entries(change.payload).filter(([name, value]) => {
      const property = propertyOf(change.meta, name);
      if (property?.primary === true || property?.version === true) return false;
      if (operation === 'insert' && value === undefined) return false;
      if (operation === 'update') return share.takesColumn(change, name);
      return operation === 'insert' && (!isMadeByDatabase(property) || this.#isGiven(change, name));
    });
    if (operation === 'update' && written.length === 0) return [];
    const { meta } = change;
    const values = columnsOf(meta, written, keys);
    const key = keyOf(change, keys);
    const undo = this.#undo(
      change,
      operation,
      written.map(([name]) => name),
    );
    return [{ kind: 'row', table: tableOf(meta), operation, key, values, undo }];
  }

  #undo(
    change: ChangeSet<object>,
    operation: Row['operation'],
    names: readonly string[],
  ): RowUndo | undefined {
    const { meta } = change;
    const key = keyOf(change, noKeys);
    if (operation === 'insert') return { key, before: {} };
    const stored = (operation === 'delete' ? this.#removed.get(change.entity) : change.originalEntity) as
      | Snapshot
      | undefined;
    const isKey = (name: string) => propertyOf(meta, name)?.primary === true;
    const wanted = operation === 'delete' ? Object.keys(stored ?? {}).filter((name) => !isKey(name)) : names;
    if (stored === undefined || wanted.length === 0 || wanted.some((name) => stored[name] === undefined))
      return undefined;
    return {
      key,
      before: columnsOf(
        meta,
        wanted.map((name) => [name, stored[name]]),
        noKeys,
      ),
    };
  }

  #isGiven(change: ChangeSet<object>, property: string): boolean {
    return this.#given.get(change)?.has(property) === true;
  }
}

/** Tables of an entity that is spread over several, parents first. */
function changesOf(uow: UnitOfWork): readonly ChangeSet<object>[] {
  return uow.getChangeSets().flatMap((change) => [...(change.tptChangeSets ?? []).toReversed(), change]);
}

function operationOf(type: ChangeSetType): Row['operation'] {
  if (type === ChangeSetType.CREATE) return 'insert';
  return type === ChangeSetType.DELETE || type === ChangeSetType.DELETE_EARLY ? 'delete' : 'update';
}

function keyOf(change: ChangeSet<object>, keys: GeneratedKeys): Columns {
  const parts = change.getPrimaryKey(true) as Columns | null;
  return keyFrom(change.meta, parts ?? {}, keys);
}

function keyFrom(meta: EntityMetadata<object>, parts: Columns, keys: GeneratedKeys): Columns {
  const columns = meta.primaryKeys.map((name): Columns => {
    const property = propertyOf(meta, name);
    if (property?.targetMeta !== undefined) return columnsOf(meta, [[name, parts[name]]], keys);
    return { [property?.fieldNames[0] ?? name]: snapshot(keys.nameOf(rootTable(meta), parts[name])) };
  });
  return Object.assign({}, ...columns) as Columns;
}

/** As the table has them: a reference to a compound key has several columns. */
function columnsOf(
  meta: EntityMetadata<object>,
  values: readonly (readonly [property: string, value: unknown])[],
  keys: GeneratedKeys,
): Columns {
  return Object.fromEntries(
    values.flatMap(([name, value]) => {
      const property = propertyOf(meta, name);
      const fields = property?.fieldNames ?? [name];
      const parts = fields.length > 1 && Array.isArray(value) ? (value as readonly unknown[]) : [value];
      return fields.map((field, index) => [field, columnValue(property, parts[index] ?? null, keys)]);
    }),
  );
}

function columnValue(property: EntityProperty | undefined, value: unknown, keys: GeneratedKeys): unknown {
  const target = property?.embedded === undefined ? property?.targetMeta : undefined;
  return snapshot(target === undefined ? asJson(property, value) : keys.nameOf(rootTable(target), value));
}

/** MikroORM holds JSON columns as text, so that they compare. */
function asJson(property: EntityProperty | undefined, value: unknown): unknown {
  const isJson = property?.customType instanceof JsonType || property?.object === true;
  if (!isJson || typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

function isMadeByDatabase(property: EntityProperty | undefined): boolean {
  if (property === undefined) return false;
  return (
    property.autoincrement === true ||
    property.generated !== undefined ||
    property.default !== undefined ||
    property.defaultRaw !== undefined
  );
}

function propertyOf(meta: EntityMetadata<object>, name: string): EntityProperty | undefined {
  return (meta.properties as Partial<Record<string, EntityProperty>>)[name];
}

function tableOf({ schema, tableName }: EntityMetadata<object>): string {
  return schema === undefined || schema === '*' ? tableName : `${schema}.${tableName}`;
}

function rootTable(meta: EntityMetadata<object>): string {
  return tableOf(meta.root);
}

/** Rows of pivot tables, each once. */
function linksOf(uow: UnitOfWork): readonly Link[] {
  const links: Link[] = [];
  eachLink(uow, (owner, name, change, item) => {
    const property = propertyOf(metaOf(owner), name);
    if (property?.owner !== true) return;
    const operation = change === 'added' ? 'insert' : 'delete';
    const isKnown = links.some(
      (each) =>
        each.owner === owner &&
        each.item === item &&
        each.property === property &&
        each.operation === operation,
    );
    if (!isKnown) links.push({ owner, property, item, operation });
  });
  return links;
}

function linkRow({ owner, property, item, operation }: Link, keys: GeneratedKeys): Row {
  const key = (made: GeneratedKeys): Columns =>
    Object.fromEntries([
      ...zip(property.joinColumns, ownKey(owner, made)),
      ...zip(property.inverseJoinColumns, ownKey(item, made)),
    ]);
  const undo: RowUndo = { key: key(noKeys), before: {} };
  return { kind: 'row', table: property.pivotTable, operation, key: key(keys), values: {}, undo };
}

function zip(names: readonly string[], key: Columns): readonly (readonly [string, unknown])[] {
  return Object.values(key).map((value, index) => [names[index] ?? `${index}`, value] as const);
}

function ownKey(entity: object, keys: GeneratedKeys): Columns {
  const meta = metaOf(entity);
  const current = entity as Columns;
  return keyFrom(meta, Object.fromEntries(meta.primaryKeys.map((name) => [name, current[name]])), keys);
}
