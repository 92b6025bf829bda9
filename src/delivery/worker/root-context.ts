import { AsyncLocalStorage } from 'node:async_hooks';

/** Runs work in the async context of the program's start: no request's, no transaction's (hazards H18). */
export const fromRoot: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();
