import type { Collection, Primary, Reference, Scalar, ScalarReference } from '@mikro-orm/core';
import type { CollectionChange } from './collection-changes.js';
import type { ChangeKind, EntityChange } from './entity-change.js';

type Strings<T> = Extract<keyof T, string>;

/** A property of the entity, or a part of an embeddable: `address.street`. */
export type PropertyPath<T> = {
  [K in Strings<T>]: NonNullable<T[K]> extends (...args: never[]) => unknown
    ? never
    : K | PartOf<K, NonNullable<T[K]>>;
}[Strings<T>];

type PartOf<K extends string, V> = V extends
  | Scalar
  | readonly unknown[]
  | Collection<never>
  | Reference<never>
  ? never
  : { [P in Strings<V>]: V[P] extends (...args: never[]) => unknown ? never : `${K}.${P}` }[Strings<V>];

type At<T, Path extends string> =
  Path extends Strings<T>
    ? T[Path]
    : Path extends `${infer K}.${infer Rest}`
      ? K extends Strings<T>
        ? At<NonNullable<T[K]>, Rest>
        : never
      : never;

/** A value as makers get it: a reference as the primary key of what it refers to. */
export type SeenValue<V> = V extends Scalar | null | undefined
  ? V
  : V extends ScalarReference<infer S>
    ? S
    : V extends Reference<infer Target>
      ? Primary<Target>
      : V extends readonly unknown[]
        ? V
        : Primary<V>;

/** What `changed('property', …)` tells its maker. */
export type PropertyChange<T, Path extends string> =
  At<T, Path> extends Collection<infer Item>
    ? CollectionChange<Item> & Changes<T>
    : {
        /** Before this flush. `undefined` where the entity was a reference that nobody had loaded. */
        readonly was: SeenValue<At<T, Path>>;
        readonly now: SeenValue<At<T, Path>>;
      } & Omit<Changes<T>, 'was' | 'now'>;

/** What `changed(['a', 'b'], …)` tells its maker: all of the properties, also those that stayed. */
export interface PropertiesChange<T, Path extends string> extends Omit<Changes<T>, 'was' | 'now'> {
  readonly was: { readonly [P in Path]: SeenValue<At<T, P>> };
  readonly now: { readonly [P in Path]: SeenValue<At<T, P>> };
}

/** What one flush did to one entity. References stand as primary keys. */
export interface Changes<T> {
  readonly kind: ChangeKind;
  /** Changed properties as they were; on removal all of them; on creation none. Collections are not among them. */
  readonly was: { readonly [P in Strings<T>]?: SeenValue<T[P]> };
  /** Changed properties as they are; on creation all of them; on removal none. */
  readonly now: { readonly [P in Strings<T>]?: SeenValue<T[P]> };
  /** On creation and removal: whether the property has a value. @throws {InvalidArgument} No such property. */
  changed(property: PropertyPath<T>): boolean;
  /** What an M:N collection gained and lost. */
  collection(property: Strings<T>): CollectionChange;
}

export function changesOf(change: EntityChange): Changes<object> {
  const all = (read: EntityChange['was']) =>
    Object.fromEntries(change.changedProperties().map((each) => [each.root.name, read(each)]));
  return {
    kind: change.kind,
    get was() {
      return change.kind === 'created' ? {} : all(change.was);
    },
    get now() {
      return change.kind === 'removed' ? {} : all(change.now);
    },
    changed: (property: string) => change.changed(change.property(property)),
    collection: (property: string) => change.collection(property),
  };
}
