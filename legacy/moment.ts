import { InvalidArgument } from '../src/index.js';

/** When a listener hears a broadcast: within `broadcast()`, or once it is committed. */
export type Moment = 'inline' | 'after-commit';

/** @throws {InvalidArgument} */
export function readMoment(deliver: unknown): Moment {
  if (deliver === undefined || deliver === null) return 'inline';
  if (deliver === 'inline' || deliver === 'after-commit') return deliver;
  throw new InvalidArgument('deliver', "'inline' or 'after-commit'", deliver);
}
