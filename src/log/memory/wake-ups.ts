import { AsyncLocalStorage } from 'node:async_hooks';

/** Tells listeners, soon but never within the call that gave the reason. */
export class WakeUps {
  readonly #listeners = new Set<() => void>();

  /** @returns What ends the listening. `wake` runs in the async context of this call (hazards H18). */
  listen(wake: () => void): () => Promise<void> {
    const within = AsyncLocalStorage.snapshot();
    const listener = () => within(wake);
    this.#listeners.add(listener);
    return async () => void this.#listeners.delete(listener);
  }

  announce(): void {
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener();
    });
  }
}
