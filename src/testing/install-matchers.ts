import { matchers } from './matchers.js';

const runner: unknown = Reflect.get(globalThis, 'expect');

if (typeof runner === 'function' && 'extend' in runner && typeof runner.extend === 'function') {
  runner.extend(matchers);
}
