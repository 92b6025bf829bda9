import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { PairMoved } from 'handover/legacy';
import { run } from '../../../adapters/cli/index.js';
import { openShop } from './shop.config.js';

const config = fileURLToPath(new URL('./shop.config.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'handover-cli-'));

async function handover(...args: string[]) {
  let [out, err] = ['', ''];
  const code = await run(args, { out: (text) => (out += text), err: (text) => (err += text) });
  return { code, out, err };
}

const inShop = (...args: string[]) => handover('--config', config, ...args);

async function sell(...orders: readonly object[]) {
  const { bus, store } = openShop();
  for (const order of orders) bus.publisher({}).broadcast('order_paid', order);
  await bus.settled();
  await store.close();
}

beforeAll(async () => {
  await sell({ orderId: '1' }, { orderId: '2', gift: true }, { orderId: '3' });
});

describe('the command line', () => {
  it.each([
    ['help.txt', ['--help']],
    ['help-parity.txt', ['parity', '--help']],
    ['help-stages.txt', ['stages', '--help']],
    ['help-promote.txt', ['promote', '--help']],
    ['help-demote.txt', ['demote', '--help']],
    ['help-burn-down.txt', ['burn-down', '--help']],
    ['help-migrate.txt', ['migrate', '--help']],
  ])('explains itself as in %s', async (file, args) => {
    const { code, out } = await handover(...args);
    expect(code).toBe(0);
    const golden = new URL(`./${file}`, import.meta.url);
    if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(golden, out);
    expect(out).toBe(readFileSync(golden, 'utf8'));
  });

  it('shows where pairs stand', async () => {
    const { code, out } = await inShop('stages');
    expect(code).toBe(0);
    expect(out).toMatch(/receipts +shadow +declared/);
  });

  it('shows what differs, and says with its exit code that something does', async () => {
    const { code, out } = await inShop('parity');
    expect(code).toBe(1);
    expect(out).toMatch(/receipts +shadow +3 +66\.7 % +1 +100\.00 % +– +closed: runs, shapes, saboteur/);
    expect(out).toContain('mails.send: listener');
  });

  it('gives the same as JSON', async () => {
    const { out } = await inShop('parity', 'receipts', '--json');
    expect(JSON.parse(out)).toMatchObject([
      {
        pair: 'receipts',
        stage: 'shadow',
        evidence: { verdicts: { match: 2, mismatch: 1 } },
        noise: { wanted: 0, runs: 0, proposedMasks: [] },
      },
    ]);
  });

  it('shows the noise of a listener and the masks for it, which is nothing that fails', async () => {
    const noisy = fileURLToPath(new URL('./noisy.config.ts', import.meta.url));
    const { code, out } = await handover('--config', noisy, 'parity');
    expect(code).toBe(0);
    expect(out).toMatch(/receipts +record +0 +– +0 +– +1 paths in 2 runs +open/);
    expect(out).toContain('noise: the listener ran 2 times of 2 against itself');
    expect(out).toContain('mails.send › 0 › number differed in 2');
    expect(out).toContain("masks: ['mails.send › 0 › cc', 'mails.send › 0 › number'],");
    expect(out).toContain('unused mask, which never matched anything: mails.send › 0 › cc');
    const json = await handover('--config', noisy, 'parity', '--json');
    expect(JSON.parse(json.out)).toMatchObject([
      { noise: { runs: 2, proposedMasks: ['mails.send › 0 › number'] } },
    ]);
  });

  it('refuses a promotion that the evidence does not carry, and says by how much', async () => {
    const { code, err } = await inShop('promote', 'receipts');
    expect(code).toBe(1);
    expect(err).toContain('runs (1 matches in a row of 3)');
    expect(err).toContain('→ See');
  });

  it('moves a pair by force with a reason, and back', async () => {
    const forced = await inShop(
      'promote',
      'receipts',
      '--percent',
      '5',
      '--override',
      '--why',
      'no gifts here',
      '--who',
      'ann',
    );
    expect(forced).toMatchObject({ code: 0, out: 'receipts: shadow → live 5 %\n' });
    expect((await inShop('stages')).out).toMatch(/receipts +live 5 % .*ann +no gifts here/);
    const back = await inShop('demote', 'receipts', '--to', 'shadow', '--why', 'gifts came');
    expect(back).toMatchObject({ code: 0, out: 'receipts: live 5 % → shadow\n' });
    const { out } = await inShop('burn-down');
    expect(out).toMatch(/\d{4}-\d\d-\d\d +0 +0 +1 +0 +0 +0/);
    expect(out).toContain('1 listeners are in no pair.');
  });

  it('fails when a listener is new, or a pair went back and nobody said why', async () => {
    const file = join(folder, 'inventory.json');
    expect(await inShop('burn-down', '--write', file)).toMatchObject({ code: 0 });
    expect(await inShop('burn-down', '--check', file)).toMatchObject({ code: 0 });
    writeFileSync(file, JSON.stringify({ listeners: { Mailer: 1 }, pairs: { receipts: 'live' } }));
    const { code, out } = await inShop('burn-down', '--check', file);
    expect(code).toBe(1);
    expect(out).toContain('A new legacy listener: Statistics (0 before, 1 now).');
    expect(out).not.toContain('went back');
    expect(await inShop('demote', 'receipts', '--to', 'record')).toMatchObject({ code: 0 });
    expect((await inShop('burn-down', '--check', file)).out).toContain(
      'The pair "receipts" went back from live to record, and nobody said why.',
    );
  });

  it('shows day by day how many pairs stood at which stage', async () => {
    const { store } = openShop();
    const move = {
      pair: 'receipts',
      percent: 100,
      who: 'ann',
      why: 'a test',
      overridden: false,
      evidence: null,
    };
    await store.append(
      [
        new PairMoved(
          { ...move, from: 'record', to: 'shadow' },
          { timestamp: new Date('2020-01-01T10:00Z') },
        ),
        new PairMoved({ ...move, from: 'shadow', to: 'live' }, { timestamp: new Date('2020-01-03T10:00Z') }),
        new PairMoved({ ...move, from: 'live', to: 'record' }, { timestamp: new Date('2020-01-03T11:00Z') }),
      ],
      { stream: 'handover/receipts' },
    );
    await store.close();
    const { out } = await inShop('burn-down');
    expect(out).toMatch(/Day +legacy +record +shadow +live +handler +retired\n/);
    expect(out).toMatch(/2020-01-01 +0 +0 +1 +0 +0 +0\n2020-01-03 +0 +1 +0 +0 +0 +0\n20/);
    const { days } = JSON.parse((await inShop('burn-down', '--json')).out) as { days: object };
    expect(days).toMatchObject({ '2020-01-01': { shadow: 1 }, '2020-01-03': { record: 1, shadow: 0 } });
  });

  it.each([
    [['stagse'], 'Did you mean stages?'],
    [['promote'], "missing required argument 'pair'"],
    [['promote', 'receipts', '--percent', 'many'], 'Expected a number from 0 to 100.'],
    [['promote', 'receipt'], 'There is no pair "receipt".\n  → Did you mean receipts? Known: receipts.'],
    [['demote', 'tickets'], 'There is no pair "tickets".\n  → Known: receipts.'],
    [['promote', 'receipts', '--to', 'lvie'], 'Allowed choices are legacy, record, shadow, live'],
    [['demote', 'receipts', '--to', 'handler'], 'Expected `to` to be a stage before'],
    [['parity', 'receipt'], 'Did you mean receipts? Known: receipts.'],
    [['burn-down', '--check', '/nowhere.json'], 'burn-down --write'],
  ])('says of %p what is wrong', async (args, expected) => {
    const { code, err } = await inShop(...args);
    expect(err).toContain(expected);
    expect(code).toBe(2);
  });

  it('says what a missing or wrong configuration should be', async () => {
    expect(await handover('--config', '/nowhere.js', 'stages')).toMatchObject({
      code: 2,
      err: expect.stringContaining('There is no file /nowhere.js.'),
    });
    const wrong = join(folder, 'wrong.mjs');
    writeFileSync(wrong, 'export default {}');
    expect(await handover('--config', wrong, 'stages')).toMatchObject({
      code: 2,
      err: expect.stringContaining('gives no store'),
    });
  });
});
