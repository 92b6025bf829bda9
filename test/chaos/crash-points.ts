import type { DeliveryLog, EventLog, Transactions } from 'handover';

/** Moments at which a program dies. `run` is the transaction of a handler; `complete` and `fail` tell how it ended. */
export type CrashPoint =
  | `${'before' | 'after'} ${'sequence' | 'claim' | 'assignKeys' | 'complete' | 'fail' | 'run'}`
  | 'in transaction'
  | 'in handler'
  | 'after write';

/** As `kill -9` does, and never returns. */
export function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => undefined);
}

/** The same log, but that the process is gone at `point`, or does what `stop` says there. */
export function stoppingAt(point: CrashPoint, log: EventLog, stop: () => Promise<void> = die): EventLog {
  const { deliveries, transactions } = log;
  if (deliveries === undefined || transactions === undefined)
    throw new Error('This log cannot be left like that.');
  /** Also sequences, once the transaction that it joined at first has committed. */
  const register: DeliveryLog['register'] = async (handlers) => {
    if (point === 'before sequence' && transactions.current() === undefined) await stop();
    await deliveries.register(handlers);
  };
  return {
    ...log,
    deliveries: { ...deliveries, ...stoppingCalls(point, deliveries, stop), register },
    transactions: { ...transactions, run: stoppingRun(point, transactions, stop) },
  };
}

function stoppingCalls(point: CrashPoint, log: DeliveryLog, stop: () => Promise<void>): Partial<DeliveryLog> {
  return {
    async sequence() {
      if (point === 'before sequence') await stop();
      const moved = await log.sequence();
      if (point === 'after sequence') await stop();
      return moved;
    },
    async claim(request) {
      const claimed = await log.claim(request);
      if (point === 'after claim' && claimed.length > 0) await stop();
      return claimed;
    },
    async assignKeys(assignments) {
      if (point === 'before assignKeys') await stop();
      await log.assignKeys(assignments);
      if (point === 'after assignKeys') await stop();
    },
    async complete(tokens) {
      if (point === 'before complete') await stop();
      const lost = await log.complete(tokens);
      if (point === 'after complete') await stop();
      return lost;
    },
    async fail(failures) {
      if (point === 'before fail') await stop();
      const lost = await log.fail(failures);
      if (point === 'after fail') await stop();
      return lost;
    },
  };
}

function stoppingRun(
  point: CrashPoint,
  transactions: Transactions,
  stop: () => Promise<void>,
): Transactions['run'] {
  return async (work) => {
    const result = await transactions.run(work);
    if (point === 'after run') await stop();
    return result;
  };
}
