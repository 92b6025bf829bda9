type Maker = (...args: never[]) => unknown;

const known = new WeakMap<Maker, boolean>();

/** Private fields, what compilers make of them, and what the platform makes itself. */
const hiding = /#[\p{ID_Start}$_]|WeakMap|lassPrivateField|class_private_field|\[native code\]/u;

/**
 * True of an instance that may hold what none of its fields shows. The language does not tell; the text of its classes
 * does, and may mention what it does not use.
 */
export function hidesState(value: object): boolean {
  if (
    Object.getOwnPropertySymbols(value).some((key) => Object.prototype.propertyIsEnumerable.call(value, key))
  ) {
    return true;
  }
  let prototype = Object.getPrototypeOf(value) as object | null;
  while (prototype !== null && !isPlain(prototype)) {
    const maker: unknown = Reflect.getOwnPropertyDescriptor(prototype, 'constructor')?.value;
    if (typeof maker === 'function' && isHiding(maker as Maker)) return true;
    prototype = Object.getPrototypeOf(prototype) as object | null;
  }
  return false;
}

/** That of any realm. */
function isPlain(prototype: object): boolean {
  return Object.getPrototypeOf(prototype) === null;
}

function isHiding(maker: Maker): boolean {
  const before = known.get(maker);
  if (before !== undefined) return before;
  const isSo = hiding.test(Function.prototype.toString.call(maker));
  known.set(maker, isSo);
  return isSo;
}
