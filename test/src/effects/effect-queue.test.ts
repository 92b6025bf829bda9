import { describe, expect, it } from '@jest/globals';
import { EffectForbidden, effectQueue, EffectScope, runInScope, type EffectMode } from 'handover';

/** As BullMQ's: state that only the queue itself can reach. */
class Queue {
  readonly #added: unknown[] = [];
  readonly name = 'mail';

  async add(name: string, data: unknown, options?: object) {
    this.#added.push([name, data, options]);
    return { id: `${this.#added.length}`, name, data };
  }

  async addBulk(jobs: readonly { name: string; data: unknown; opts?: object }[]) {
    return Promise.all(jobs.map(({ name, data, opts }) => this.add(name, data, opts)));
  }

  async pause() {
    this.#added.length = 0;
  }

  async getJobCount() {
    return this.#added.length;
  }
}

function within(mode: EffectMode) {
  const scope = new EffectScope(mode);
  const queue = effectQueue(new Queue());
  return { scope, queue, run: <T>(work: () => T) => runInScope(scope, work) };
}

describe('an effect queue', () => {
  it('adds, and notes, the jobs of a run that performs', async () => {
    const { scope, queue, run } = within('performed');
    await queue.add('outside', 1);
    const data = { to: 'ann' };
    const job = await run(() => queue.add('send', data, { delay: 5 }));
    data.to = 'bob';
    await run(() =>
      queue.addBulk([
        { name: 'a', data: 1 },
        { name: 'b', data: 2, opts: { lifo: true } },
      ]),
    );
    expect(job).toMatchObject({ id: '2' });
    expect(await queue.getJobCount()).toBe(4);
    expect(scope.effects).toEqual([
      { kind: 'job', queue: 'mail', name: 'send', data: { to: 'ann' }, options: { delay: 5 } },
      { kind: 'job', queue: 'mail', name: 'a', data: 1, options: null },
      { kind: 'job', queue: 'mail', name: 'b', data: 2, options: { lifo: true } },
    ]);
    expect(scope.escapes).toEqual([]);
  });

  it('adds no job of a captured run, and answers as if it had', async () => {
    const { scope, queue, run } = within('captured');
    const job = await run(() => queue.add('send', { to: 'ann' }, { jobId: 'j-1' }));
    const jobs = await run(() => queue.addBulk([{ name: 'a', data: 1 }]));
    await run(() => queue.pause());
    expect(job).toMatchObject({ id: 'j-1', name: 'send', data: { to: 'ann' }, queueName: 'mail' });
    expect(jobs).toMatchObject([{ name: 'a', data: 1 }]);
    expect(await run(() => queue.getJobCount())).toBe(0);
    expect(scope.effects.map((effect) => effect.kind)).toEqual(['job', 'job', 'call']);
    expect(scope.effects[2]).toEqual({ kind: 'call', port: 'queue mail', method: 'pause', args: [] });
  });

  it('holds back what only begins like a look at the queue', async () => {
    const names = ['toggle', 'issue', 'hashSet', 'isolate', 'country', 'emit', 'getNextJob', 'listen'];
    const looks = ['getJob', 'isPaused', 'hasJobs', 'toString', 'count', 'on', 'removeListener', 'listeners'];
    const done: string[] = [];
    const methods = [...names, ...looks].map((name) => [name, () => void done.push(name)]);
    const own = effectQueue({ name: 'own', limit: 1, add: async () => 1, ...Object.fromEntries(methods) });
    const scope = new EffectScope('captured');
    runInScope(scope, () => {
      for (const name of [...names, ...looks]) own[name]();
      own.limit = 2;
    });
    expect(done).toEqual(looks);
    expect(own.limit).toBe(1);
    expect(scope.effects.map((effect) => effect.kind === 'call' && effect.method)).toEqual([
      ...names,
      'set limit',
    ]);
  });

  it('refuses jobs where no effect is allowed, and something that is no queue', () => {
    const { queue, run } = within('forbidden');
    expect(() => run(() => queue.add('send', {}))).toThrow(EffectForbidden);
    expect(() => effectQueue({ add: async () => 1 } as never)).toThrow('Expected `queue`');
  });
});
