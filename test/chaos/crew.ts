import { once } from 'node:events';
import type { Random } from '../../src/testing/contracts/seeded-random.js';
import { startProgram, type Program } from '../support/program.js';
import type { ProgramSettings } from './program-settings.js';
import type { Tally } from './tally.js';

export type Role = 'publisher' | 'worker';

/** What all programs of a run are told. */
export type Common = Pick<ProgramSettings, 'url' | 'folder' | 'redis' | 'leaseFor'>;

export interface Member {
  readonly role: Role;
  readonly program: Program;
  readonly ready: Promise<void>;
}

const scripts: Record<Role, URL> = {
  publisher: new URL('./publisher.ts', import.meta.url),
  worker: new URL('./worker.ts', import.meta.url),
};
/** What outages, lost leases and poison look like. */
const expected = new Set([
  'LogUnavailable',
  'UnknownCommitOutcome',
  'DeliveryLost',
  'HandlerFailed',
  'SchedulerUnreachable',
  'DriverException',
  'ConnectionException',
  'DatabaseError',
  'error',
  'Error',
]);
const longest = 24 * 3_600_000;

/** The programs of a run. Whoever ends without being told to is a violation. */
export class Crew {
  readonly violations: string[] = [];
  readonly #settings: Common;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #members = new Set<Member>();
  readonly #dismissed = new Set<Program>();
  readonly #progress = new EventTarget();
  #ran = 0;

  constructor(settings: Common, { random, tally }: { random: Random; tally: Tally }) {
    this.#settings = settings;
    this.#random = random;
    this.#tally = tally;
  }

  get leaseFor(): number {
    return this.#settings.leaseFor;
  }

  /** How many handlers have run so far. */
  get ran(): number {
    return this.#ran;
  }

  of(role: Role): Member[] {
    return [...this.#members].filter((member) => member.role === role);
  }

  hire(role: Role): Member {
    const settings = {
      ...this.#settings,
      seed: this.#random.below(2 ** 31),
      knowsHandlers: this.#random.below(2) > 0,
    };
    const program = startProgram(scripts[role], { args: [JSON.stringify(settings)], patience: longest });
    const ready = Promise.withResolvers<void>();
    const member = { role, program, ready: ready.promise };
    this.#members.add(member);
    void this.#listen(program, ready.resolve);
    void this.#judge(member).then(ready.resolve);
    return member;
  }

  /** As `kill -9` does. */
  async kill(member: Member): Promise<void> {
    this.#dismissed.add(member.program);
    member.program.kill('SIGKILL');
    await member.program.ended;
  }

  /** Lets it end by itself; that must go well. */
  async dismiss({ program }: Member): Promise<void> {
    program.send('stop');
    const late = AbortSignal.timeout(60_000);
    await Promise.race([program.ended, once(late, 'abort')]);
    if (!late.aborted) return;
    this.violations.push(`A program did not stop within a minute of being asked to.`);
    program.kill('SIGKILL');
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#members].map((member) => this.kill(member)));
  }

  /** Resolves when `count` more handlers have run, or after `milliseconds`. */
  async progress(count: number, milliseconds: number): Promise<void> {
    const until = this.#ran + count;
    const late = AbortSignal.timeout(milliseconds);
    while (this.#ran < until && !late.aborted) {
      await once(this.#progress, 'ran', { signal: late }).catch(() => undefined);
    }
  }

  async #listen(program: Program, ready: () => void): Promise<void> {
    try {
      for (;;) this.#hear(await program.nextLine(), ready);
    } catch {
      // It has ended; `#judge` looks how.
    }
  }

  #hear(line: string, ready: () => void): void {
    if (line === 'ready') ready();
    else if (line === 'ran') {
      this.#ran += 1;
      this.#progress.dispatchEvent(new Event('ran'));
    } else {
      this.#tally.add(line);
      if (line.startsWith('error ') && !expected.has(line.slice('error '.length))) {
        this.violations.push(`A program met an error that no outage explains: ${line}`);
      }
    }
  }

  async #judge(member: Member): Promise<void> {
    const { code, signal, stderr } = await member.program.ended;
    this.#members.delete(member);
    const wasKilled = signal === 'SIGKILL' && this.#dismissed.has(member.program);
    if (!wasKilled && code !== 0) {
      this.violations.push(`A ${member.role} ended by itself (${signal ?? code}):\n${stderr}`);
    } else if (/Warning|Error/.test(stderr)) {
      this.violations.push(`A ${member.role} complained:\n${stderr}`);
    }
  }
}
