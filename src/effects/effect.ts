/** Something a listener or handler does to the world, as data. */
export type Effect =
  /**
   * A call on a port that was wrapped with `effectPort`. Its method is a path such as `customers.create`, empty where the
   * port itself is called, or `set customers.limit` and the like where a property is written.
   */
  | {
      readonly kind: 'call';
      readonly port: string;
      readonly method: string;
      readonly args: readonly unknown[];
    }
  /** A further event, published or appended. */
  | {
      readonly kind: 'event';
      readonly type: string;
      readonly stream: string | undefined;
      readonly data: unknown;
      /** What its publisher gave; left out where that was nothing. */
      readonly metadata?: unknown;
      readonly validAt?: unknown;
      /** With `append`, which tells no handler. */
      readonly appended?: boolean | undefined;
    }
  /** A further broadcast on a legacy bus. */
  | { readonly kind: 'broadcast'; readonly name: string; readonly args: readonly unknown[] }
  /** A row of a table. */
  | {
      readonly kind: 'row';
      readonly table: string;
      readonly operation: 'insert' | 'update' | 'delete';
      readonly key: unknown;
      /** What was written; of an update the changed columns only. */
      readonly values: Readonly<Record<string, unknown>>;
      /** How to find the row, and what its columns held; left out where that is not known. Not compared. */
      readonly undo?: RowUndo | undefined;
    }
  /** A job given to a queue. */
  | {
      readonly kind: 'job';
      readonly queue: string;
      readonly name: string;
      readonly data: unknown;
      /** Such as a delay; `null` when none were given. */
      readonly options: unknown;
    };

export interface RowUndo {
  readonly key: Readonly<Record<string, unknown>>;
  /** Nothing of an inserted row, all of a deleted one. */
  readonly before: Readonly<Record<string, unknown>>;
}

export type EffectKind = Effect['kind'];

/** In place of a key that a database has made in the run itself. */
export function madeKey(table: string, key: unknown): string {
  return `<made ${table}:${String(key)}>`;
}

/** Finds what {@link madeKey} gives: the table, then the key. */
export const madeKeyPattern = /^<made ([^:>]+):(.+)>$/;

/** One line: what a person calls the effect. */
export function effectName(effect: Effect): string {
  switch (effect.kind) {
    case 'call':
      return effect.method === '' ? effect.port : `${effect.port}.${effect.method}`;
    case 'event':
      return `event ${effect.type}`;
    case 'broadcast':
      return `broadcast ${effect.name}`;
    case 'row':
      return `${effect.operation} ${effect.table}`;
    default:
      return `job ${effect.queue}/${effect.name}`;
  }
}
