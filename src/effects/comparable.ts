import { types } from 'node:util';
import { hidesState } from './hidden-state.js';

/**
 * Arguments as data that JSON can hold, so that two of them are equal only when the arguments are, and so that what the
 * caller changes later is not part of them.
 *
 * What JSON knows stays as it is. Anything else becomes an object with the one key that says what it was, such as
 * `{ "<date>": "2026-01-01T00:00:00.000Z" }`; an object of the application with one key of that form is wrapped as
 * `{ "<object>": … }`, so that neither can be taken for the other. `toJSON` is heeded. Instances are compared by their
 * fields alone: an entity equals a plain object of the same ones. A field that is `undefined` is none, and neither are
 * such arguments at the end.
 *
 * @param tell Hears what cannot be compared, such as a function.
 */
export function comparable(args: readonly unknown[], tell: (what: string) => void): readonly unknown[] {
  const last = args.findLastIndex((each) => each !== undefined);
  const encoding = new Encoding(tell);
  return args.slice(0, last + 1).map((each) => encoding.safely(each));
}

type Encode = (value: never, encoding: Encoding) => unknown;

class Encoding {
  readonly #tell: (what: string) => void;
  readonly #around = new Set<object>();

  constructor(tell: (what: string) => void) {
    this.#tell = tell;
  }

  /** A getter or a `toJSON` that throws, or a depth that no stack holds, is no matter of the caller. */
  safely(value: unknown): unknown {
    try {
      return this.encode(value);
    } catch {
      this.#around.clear();
      return this.unlike('unreadable', 'a value that cannot be read');
    }
  }

  encode(value: unknown, key = ''): unknown {
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        return Number.isFinite(value) && !Object.is(value, -0) ? value : { '<number>': numberText(value) };
      case 'undefined':
        return { '<undefined>': true };
      case 'bigint':
        return { '<bigint>': String(value) };
      case 'object':
        return value === null ? null : this.#object(value, key);
      default:
        return this.unlike(typeof value, `a ${typeof value}`);
    }
  }

  /** Under their names where they have some: secrets are told by them. */
  entries(given: Iterable<readonly [unknown, unknown]>): unknown {
    const entries = [...given];
    if (entries.every(([key]) => typeof key === 'string')) {
      return Object.fromEntries(entries.map(([key, value]) => [String(key), this.encode(value)]));
    }
    return inOrder(entries.map(([key, value]) => [this.encode(key), this.encode(value)]));
  }

  items(items: Iterable<unknown>): unknown {
    return inOrder(Array.from(items, (each) => this.encode(each)));
  }

  fields(value: object): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== undefined)
        .map(([key, each]: [string, unknown]) => [key, this.encode(each, key)]),
    );
  }

  unlike(tag: string, what: string): unknown {
    this.#tell(what);
    return { [`<${tag}>`]: true };
  }

  #object(value: object, key: string): unknown {
    if (this.#around.has(value)) return this.unlike('cycle', 'a cycle');
    this.#around.add(value);
    const encoded = this.#known(value) ?? this.#plain(value, key);
    this.#around.delete(value);
    return encoded;
  }

  #known(value: object): object | undefined {
    const known = kinds.find(({ is }) => is(value));
    return known && { [`<${known.tag}>`]: known.encode(value as never, this) };
  }

  #plain(value: object, key: string): unknown {
    if (types.isBoxedPrimitive(value)) return this.encode(value.valueOf());
    if (Array.isArray(value)) return Array.from(value, (each) => this.encode(each));
    const toJson: unknown = Reflect.get(value, 'toJSON');
    if (typeof toJson === 'function') return this.encode(Reflect.apply(toJson, value, [key]));
    if (types.isPromise(value)) return this.unlike('promise', 'a promise');
    if (hidesState(value)) return this.unlike('hidden', `an instance that hides what it holds`);
    return untagged(this.fields(value));
  }
}

interface Kind {
  readonly tag: string;
  readonly is: (value: object) => boolean;
  readonly encode: Encode;
}

const kinds: readonly Kind[] = [
  {
    tag: 'date',
    is: types.isDate,
    encode: (date: Date) => (Number.isNaN(date.getTime()) ? 'invalid' : date.toISOString()),
  },
  { tag: 'map', is: types.isMap, encode: (map: Map<unknown, unknown>, by) => by.entries(map) },
  { tag: 'set', is: types.isSet, encode: (set: Set<unknown>, by) => by.items(set) },
  { tag: 'error', is: types.isNativeError, encode: errorFields },
  { tag: 'regexp', is: types.isRegExp, encode: String },
  { tag: 'bytes', is: isBytes, encode: bytesText },
  { tag: 'url', is: (value) => value instanceof URL, encode: String },
  {
    tag: 'search',
    is: (value) => value instanceof URLSearchParams,
    encode: (search: URLSearchParams) =>
      Object.fromEntries([...search.keys()].map((name) => [name, [...search.getAll(name)]])),
  },
  {
    tag: 'headers',
    is: (value) => value instanceof Headers,
    encode: (headers: Headers, by) => by.entries(headers),
  },
];

function errorFields(error: Error, by: Encoding): unknown {
  const { name, message, cause } = error;
  return by.fields(Object.assign({}, error, { name, message, cause }));
}

function isBytes(value: object): boolean {
  return types.isAnyArrayBuffer(value) || ArrayBuffer.isView(value);
}

/** Buffers are arrays of bytes like others. */
function bytesText(value: ArrayBufferLike | ArrayBufferView): string {
  const view = ArrayBuffer.isView(value) ? value : new Uint8Array(value);
  const kind = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return `${kind} ${Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString('base64')}`;
}

function numberText(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

const tag = /^<[^>]*>$/;

function untagged(fields: Readonly<Record<string, unknown>>): unknown {
  const [key, another] = Object.keys(fields);
  return key !== undefined && another === undefined && tag.test(key) ? { '<object>': fields } : fields;
}

/** Maps and sets that hold the same are equal, however they were filled. */
function inOrder(items: readonly unknown[]): readonly unknown[] {
  return items
    .map((item) => ({ item, text: JSON.stringify(item) }))
    .toSorted((a, b) => (a.text < b.text ? -1 : 1))
    .map(({ item }) => item);
}
