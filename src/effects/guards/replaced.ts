type Maker = (original: never) => unknown;

/**
 * Puts what `make` makes of it in the place of a member.
 *
 * @returns Puts the member back, unless somebody else has replaced it meanwhile.
 */
export function replaced(owner: object, key: PropertyKey, make: Maker): () => void {
  const own = Object.getOwnPropertyDescriptor(owner, key);
  const replacement: unknown = make(Reflect.get(owner, key) as never);
  Object.defineProperty(owner, key, {
    value: replacement,
    writable: true,
    configurable: true,
    enumerable: own?.enumerable ?? false,
  });
  return () => {
    if (Reflect.get(owner, key) !== replacement) return;
    if (own === undefined) Reflect.deleteProperty(owner, key);
    else Object.defineProperty(owner, key, own);
  };
}

/** Each in turn; its result undoes all. */
export function all(undos: readonly (() => void)[]): () => void {
  return () => {
    for (const undo of undos.toReversed()) undo();
  };
}
