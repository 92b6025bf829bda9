import nodeCrypto from 'node:crypto';
import fs from 'node:fs';
import { createServer, type Server } from 'node:http';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import workerThreads from 'node:worker_threads';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EffectForbidden, effectPort, EffectScope, FrozenWorld, guardEffects, runInScope } from 'handover';

let web: Server;
let url: string;
const reached: (string | undefined)[] = [];
const ends: (() => void)[] = [];

beforeAll(async () => {
  web = createServer((request, response) => {
    reached.push(request.url);
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => web.once('listening', resolve));
  url = `http://127.0.0.1:${(web.address() as net.AddressInfo).port}`;
});

afterEach(() => {
  for (const end of ends.splice(0)) end();
  reached.length = 0;
});

afterAll(() => {
  web.closeAllConnections();
  web.close();
});

function guarded(): void {
  ends.push(guardEffects());
}

const captured = (seed = 'event-1') =>
  new EffectScope('captured', { world: new FrozenWorld(Date.UTC(2026, 0, 1), seed) });

const get = (agent?: http.Agent, path = '/') =>
  new Promise<number | undefined>((resolve, reject) => {
    http
      .get(`${url}${path}`, { agent }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode));
      })
      .on('error', reject);
  });

const guardedMembers = () =>
  [
    [globalThis, 'fetch'],
    [globalThis, 'Date'],
    [Math, 'random'],
    [nodeCrypto, 'randomUUID'],
    [net.Socket.prototype, 'write'],
  ].map(([owner, name]) => Reflect.get(owner as object, name as string) as unknown);

describe('guarded effects', () => {
  it('let everything happen outside of runs', async () => {
    guarded();
    expect(await (await fetch(`${url}/fetched`)).text()).toBe('ok');
    expect(await get(undefined, '/got')).toBe(200);
    expect(reached).toEqual(['/fetched', '/got']);
    expect(Math.abs(Date.now() - performance.timeOrigin - performance.now())).toBeLessThan(5_000);
  });

  it('happen in a run that performs, and are noticed', async () => {
    guarded();
    const scope = new EffectScope('performed');
    await runInScope(scope, async () => {
      await fetch(`${url}/fetched?token=secret`);
      await get(undefined, '/got');
    });
    expect(reached).toEqual(['/fetched?token=secret', '/got']);
    const escapes = scope.escapes.map(({ what }) => what);
    expect(escapes).toContain(`fetch ${url}`);
    expect(escapes).toContain(`request GET http://127.0.0.1`);
    expect(escapes.join()).not.toContain('secret');
  });

  it('cannot use a connection that an agent has kept', async () => {
    guarded();
    const agent = new http.Agent({ keepAlive: true });
    expect(await get(agent, '/before')).toBe(200);
    const scope = captured();
    await expect(runInScope(scope, () => get(agent, '/captured'))).rejects.toBeInstanceOf(EffectForbidden);
    expect(await get(agent, '/after')).toBe(200);
    expect(reached).toEqual(['/before', '/after']);
    agent.destroy();
  });

  it('of a port are none beside it', async () => {
    guarded();
    const scope = new EffectScope('performed');
    const api = effectPort('api', { ask: async () => (await fetch(url)).text() });
    expect(await runInScope(scope, () => api.ask())).toBe('ok');
    expect(scope).toMatchObject({ escapes: [], effects: [{ port: 'api', method: 'ask' }] });
  });

  it('reach a scope that is over as escapes', async () => {
    guarded();
    const late: string[] = [];
    const scope = new EffectScope('captured', { late: (what) => late.push(what) });
    const promise = runInScope(scope, async () => {
      await new Promise((resolve) => void setImmediate(resolve));
      return fetch(url);
    });
    scope.close();
    await expect(promise).rejects.toThrow('after the end of the run');
    expect(late).toEqual([`fetch ${url}, after the end of the run`]);
    expect(reached).toEqual([]);
  });

  it('are refused to a captured run, however they are named', async () => {
    guarded();
    const place = fs.mkdtempSync(join(tmpdir(), 'handover-guards-'));
    const path = join(place, 'written');
    const port = new workerThreads.MessageChannel().port1;
    const channel = new workerThreads.BroadcastChannel('guards');
    const acts: readonly (readonly [string, () => unknown])[] = [
      [`file ${path}`, () => fs.writeFileSync(new Uint8Array(Buffer.from(path)) as Buffer, 'x')],
      [`file ${place}`, () => fs.lutimesSync(place, 1, 1)],
      [`file ${place}`, () => fs.lchownSync(place, process.getuid?.() ?? 0, process.getgid?.() ?? 0)],
      [`file ${path}`, () => fs.mkdtempDisposableSync(path)],
      [`file ${path}`, async () => fs.promises.mkdtempDisposable(path)],
      ['message to another thread', () => port.postMessage(1)],
      ['message to another thread', () => Reflect.apply(Reflect.get(channel, 'postMessage'), channel, [1])],
      [`signal to process ${process.pid}`, () => process.kill(process.pid, 'SIGURG')],
      ['end of the process', () => process.exit(3)],
      ['worker thread', () => new workerThreads.Worker('0', { eval: true })],
    ];
    for (const [what, act] of acts) {
      const scope = captured();
      await expect(runInScope(scope, async () => act())).rejects.toBeInstanceOf(EffectForbidden);
      expect(scope.escapes).toEqual([{ what }]);
    }
    const looking = captured();
    runInScope(looking, () => process.kill(process.pid, 0));
    expect(looking.escapes).toEqual([]);
    expect(fs.readdirSync(place)).toEqual([]);
    port.close();
    channel.close();
    fs.rmdirSync(place);
  });

  it('go with the last of their users', () => {
    const before = guardedMembers();
    const hadOwn = Object.hasOwn(net.Socket.prototype, 'write');
    const [first, second] = [guardEffects(), guardEffects()];
    first();
    first();
    expect(globalThis.fetch).not.toBe(before[0]);
    second();
    const after = guardedMembers();
    expect(after.map((each, index) => each === before[index])).toEqual(before.map(() => true));
    expect(Object.hasOwn(net.Socket.prototype, 'write')).toBe(hadOwn);
  });
});

describe('the world of a captured run', () => {
  const drawn = () => ({
    now: Date.now(),
    date: new Date(),
    text: Date(),
    random: [Math.random(), Math.random()],
    ids: [crypto.randomUUID(), nodeCrypto.randomUUID()],
  });

  it('is the same for each run of an event, and another one for another event', () => {
    guarded();
    const [first, again, other] = ['event-1', 'event-1', 'event-2'].map((seed) =>
      runInScope(captured(seed), drawn),
    );
    expect(first).toEqual(again);
    expect(first?.now).toBe(Date.UTC(2026, 0, 1));
    expect(first?.date.getTime()).toBe(first?.now);
    expect(Date.parse(first?.text ?? '')).toBe(first?.now);
    expect(other?.random).not.toEqual(first?.random);
    expect(other?.ids).not.toEqual(first?.ids);
    for (const id of first?.ids ?? []) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    }
    for (const random of first?.random ?? []) expect(random >= 0 && random < 1).toBe(true);
  });

  it('leaves dates what they are', () => {
    const before = new Date(0);
    guarded();
    runInScope(captured(), () => {
      class Day extends Date {}
      expect(before).toBeInstanceOf(Date);
      expect(before.constructor).toBe(Date);
      expect(new Date(5).getTime()).toBe(5);
      expect(new Day()).toBeInstanceOf(Day);
      expect(new Day().getTime()).toBe(Date.UTC(2026, 0, 1));
      expect([Date.UTC(1970, 0), Date.length, Date.name]).toEqual([0, 7, 'Date']);
      expect(structuredClone(new Date(7))).toEqual(new Date(7));
    });
  });

  it('lets a loop end that waits for time to go by', () => {
    guarded();
    runInScope(captured(), () => {
      for (let turns = 0, end = Date.now() + 5; Date.now() < end; turns += 1) {
        if (turns > 100_000) throw new Error('The clock stands still.');
      }
    });
  });

  it('leaves bytes alone, which makers of ids draw in stock for everybody', () => {
    guarded();
    const [first, again] = [1, 2].map(() =>
      runInScope(captured(), () => crypto.getRandomValues(new Uint8Array(16))),
    );
    expect(first).not.toEqual(again);
  });
});
