import { InvalidArgument } from '../src/index.js';
import type { Bus } from './bus.js';

/** What `eventemitter3` and `node:events` have in common, as far as it matters here. */
export interface Emitter {
  emit(event: never, ...args: never[]): boolean;
}

type Emit = (this: unknown, event: unknown, ...args: unknown[]) => boolean;

/** Names that `node:events` emits by itself. */
const ofTheEmitter = new Set(['newListener', 'removeListener']);

/**
 * Records everything that an existing emitter emits, under the names it emits, as the bus is connected. Its own
 * listeners hear it as before. Symbols are not recorded; what cannot be recorded goes to `bus.onError`. Only a
 * projection that is replayed cannot emit: it gets `PublishedInReplay`.
 *
 * @returns Ends the recording, and puts the emitter back as it was.
 */
export function recordEmitter(emitter: Emitter, bus: Pick<Bus, 'record'>): () => void {
  const original: unknown = Object(emitter) === emitter ? Reflect.get(emitter, 'emit') : undefined;
  if (typeof original !== 'function') {
    throw new InvalidArgument('emitter', 'an emitter of eventemitter3 or node:events', emitter);
  }
  const own = Object.getOwnPropertyDescriptor(emitter, 'emit');
  let recording = true;
  const emit: Emit = function emit(event, ...args) {
    if (recording && typeof event === 'string' && !ofTheEmitter.has(event)) bus.record(emitter, event, args);
    return (original as Emit).call(this, event, ...args);
  };
  Object.defineProperty(emitter, 'emit', { value: emit, writable: true, configurable: true });
  return () => {
    recording = false;
    // Whoever replaced `emit` since then calls this one still.
    if (Reflect.get(emitter, 'emit') !== emit) return;
    if (own === undefined) Reflect.deleteProperty(emitter, 'emit');
    else Object.defineProperty(emitter, 'emit', own);
  };
}
