/** What to call a listener in a report. */
export function nameOfListener(listener: object): string {
  if (typeof listener === 'function') return listener.name || 'anonymous function';
  const maker: unknown = Reflect.get(listener, 'constructor');
  return typeof maker === 'function' && maker.name !== '' ? maker.name : 'Object';
}
