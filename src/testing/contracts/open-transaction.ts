import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { InTransaction } from './log-topic.js';
import { isRegret, regret } from './regret.js';

type Step = <T>(work: () => Promise<T>) => Promise<T>;

export interface OpenTransaction {
  /** Runs `work` within the transaction. */
  readonly step: Step;
  readonly commit: () => Promise<void>;
  readonly rollBack: () => Promise<void>;
}

/** A transaction that stays open between the steps of a test. */
export async function begin(inTransaction: InTransaction): Promise<OpenTransaction> {
  const opened = Promise.withResolvers<Step>();
  const end = Promise.withResolvers<void>();
  const whole = inTransaction(() => {
    const within = AsyncLocalStorage.snapshot();
    opened.resolve((work) => within(work));
    return end.promise;
  });
  whole.catch(opened.reject);
  return {
    step: await opened.promise,
    commit: async () => {
      end.resolve();
      await whole;
    },
    rollBack: async () => {
      end.reject(regret);
      await assert.rejects(whole, isRegret);
    },
  };
}
