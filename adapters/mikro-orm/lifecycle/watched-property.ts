import { ReferenceKind } from '@mikro-orm/core';
import type { EntityMetadata, EntityProperty } from '@mikro-orm/core';
import { InvalidArgument } from '../../../src/index.js';

/** A property that a flush can be seen to change, or a part of one: `address.street`. */
export interface WatchedProperty {
  readonly path: readonly string[];
  readonly root: EntityProperty;
  /** What a diff of the entity calls it: several names for an inline embeddable. */
  readonly diffKeys: readonly string[];
  /** A diff names it, but not which part of it has changed. */
  readonly isPart: boolean;
  readonly isCollection: boolean;
}

/** @throws {InvalidArgument} The entity has no such property, or its table does not hold it. */
export function watchedProperty(meta: EntityMetadata<object>, name: string): WatchedProperty {
  const path = name.split('.');
  const root = propertiesOf(meta)[path[0] ?? ''];
  if (root === undefined) throw refuse(meta, name, 'a property of the entity', knownNames(meta));
  requireStored(meta, root, name);
  const { owner, rest } = descend(root, path.slice(1), meta, name);
  const isCollection = root.kind === ReferenceKind.MANY_TO_MANY;
  return { path, root, diffKeys: diffKeys(owner), isPart: rest, isCollection };
}

/** Down through inline embeddables, whose parts have columns of their own; `rest`: the path goes on from there. */
function descend(
  root: EntityProperty,
  names: readonly string[],
  meta: EntityMetadata<object>,
  whole: string,
): { readonly owner: EntityProperty; readonly rest: boolean } {
  let owner = root;
  for (const [index, name] of names.entries()) {
    if (owner.kind !== ReferenceKind.EMBEDDED) {
      if (owner.kind === ReferenceKind.SCALAR) return { owner, rest: index < names.length };
      throw refuse(meta, whole, 'a property of this entity', 'Watch the other entity itself.');
    }
    const part = (owner.embeddedProps as Record<string, EntityProperty>)[name];
    if (part === undefined)
      throw refuse(meta, whole, 'a property of the embeddable', `It has no \`${name}\`.`);
    if (owner.object === true || owner.array === true) return { owner, rest: true };
    owner = part;
  }
  return { owner, rest: false };
}

function diffKeys(property: EntityProperty): readonly string[] {
  if (property.kind !== ReferenceKind.EMBEDDED) return [property.name];
  const parts: readonly EntityProperty[] = Object.values(property.embeddedProps);
  return [property.name, ...parts.flatMap((part) => diffKeys(part))];
}

function requireStored(meta: EntityMetadata<object>, property: EntityProperty, name: string): void {
  const isElsewhere =
    property.kind === ReferenceKind.ONE_TO_MANY ||
    (property.kind === ReferenceKind.ONE_TO_ONE && !property.owner);
  if (isElsewhere) {
    const remedy = `Watch \`${property.mappedBy}\` of ${property.targetMeta?.className}, which holds the foreign key.`;
    throw refuse(meta, name, 'a property with a column of its own', remedy);
  }
  if (property.persist === false && property.kind !== ReferenceKind.MANY_TO_MANY)
    throw refuse(meta, name, 'a property that is stored', 'Watch the properties it is made from.');
}

function propertiesOf(meta: EntityMetadata<object>): Partial<Record<string, EntityProperty>> {
  return meta.properties as Partial<Record<string, EntityProperty>>;
}

function knownNames(meta: EntityMetadata<object>): string {
  const names = meta.props.filter((each) => each.embedded === undefined).map((each) => each.name);
  return `${meta.className} has ${names.join(', ')}.`;
}

function refuse(meta: EntityMetadata<object>, name: string, wanted: string, remedy: string): InvalidArgument {
  return new InvalidArgument(`changed() of ${meta.className}`, `given ${wanted}`, name, remedy);
}
