import { describe, expect, it } from '@jest/globals';
import { effectPort } from 'handover';
import type { Condition } from 'handover/legacy';
import { paired, type Pairing } from './paired.js';
import type { Sides } from './compared.js';

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined });
const nothing = () => undefined;
const send = () => mails.send('paid');

function fail(message = 'refused'): never {
  throw new Error(message);
}

/** Pays orders of which some make a side behave otherwise, by their number. */
async function afterPaying(times: number, sides: Sides, options: Pairing = {}) {
  const shop = paired(sides, options);
  for (let nth = 0; nth < times; nth += 1) await shop.pay(1).catch(nothing);
  await shop.bus.settled();
  return shop;
}

async function conditionsOf({ pair }: ReturnType<typeof paired>) {
  const { evidence } = await pair.report();
  return new Map(evidence.conditions.map((each) => [each.name, each] as const));
}

const isThird = ({ orderId }: { orderId: string }) => Number(orderId) % 3 === 0;

describe('the gate', () => {
  it('weighs eight conditions, and says of each what was found of what is wanted', async () => {
    const shop = await afterPaying(
      2,
      { listener: send, handler: send },
      { gate: { runs: 3, days: 1, perShape: 3, slowdown: 1_000_000 } },
    );
    const conditions = [...(await conditionsOf(shop)).values()];
    expect(conditions.map(({ name, holds }) => [name, holds])).toEqual([
      ['runs', false],
      ['days', false],
      ['shapes', false],
      ['untrusted', true],
      ['errors', true],
      ['rules', true],
      ['speed', true],
      ['saboteur', false],
    ]);
    expect(conditions.map(({ found }) => found)).toMatchObject([
      '2 matches in a row of 3',
      '0.0 days at this stage of 1',
      '0 payload shapes of 1 with 3 matches or more',
      '0 of 2',
      'handler 0, listener 0 of 2',
      'no rule has expired',
      expect.stringMatching(/^p95 of the handler \d.* ms of \d.* ms, of the listener \d/),
      'no fault was planted',
    ]);
  });

  it('closes for each payload shape that has too few matches', async () => {
    const shop = paired({ listener: send, handler: send }, { gate: { runs: 1, days: 0, perShape: 2 } });
    await shop.pay(3);
    shop.publish({ orderId: 'x', cents: 1, gift: true });
    expect((await conditionsOf(shop)).get('shapes')).toEqual({
      name: 'shapes',
      holds: false,
      found: '1 payload shapes of 2 with 2 matches or more',
    });
  });

  it('closes when a rule has expired', async () => {
    const rule = { name: 'footer', reason: 'a test', expires: new Date(0), matches: () => true };
    const shop = await afterPaying(1, { listener: send, handler: send }, { expected: [rule] });
    expect((await conditionsOf(shop)).get('rules')).toMatchObject({ holds: false, found: 'expired: footer' });
  });

  it('counts what is untrusted, among the comparisons that it wants in a row', async () => {
    const handler = (order: { orderId: string }) =>
      isThird(order) ? void fetch('http://127.0.0.1:9/').catch(nothing) : send();
    const shop = await afterPaying(4, { listener: send, handler });
    expect((await conditionsOf(shop)).get('untrusted')).toMatchObject({ holds: false, found: '1 of 3' });
    await shop.pay(1);
    await shop.pay(1);
    expect((await conditionsOf(shop)).get('untrusted')).toMatchObject({ holds: false, found: '1 of 3' });
  });

  it('is kept closed by a handler that throws more often than its listener', async () => {
    const handler = (order: { orderId: string }) => (isThird(order) ? fail() : send());
    const shop = await afterPaying(4, { listener: send, handler });
    expect((await conditionsOf(shop)).get('errors')).toEqual({
      name: 'errors',
      holds: false,
      found: 'handler 1, listener 0 of 3',
    });
    expect((await shop.pair.report()).evidence).toMatchObject({
      streak: 1,
      verdicts: { 'handler-error': 1 },
    });
  });

  it('opens although both sides throw the very same error now and then, which is no match', async () => {
    const side = (order: { orderId: string }) => (isThird(order) ? fail() : send());
    const shop = await afterPaying(4, { listener: side, handler: side });
    const { evidence } = await shop.pair.report();
    expect(evidence).toMatchObject({ verdicts: { match: 3, 'both-error': 1 }, streak: 3, matchRate: 0.75 });
    const conditions = await conditionsOf(shop);
    expect(conditions.get('runs')).toMatchObject({ holds: true });
    expect(conditions.get('errors')).toMatchObject({ holds: true, found: 'handler 1, listener 1 of 4' });
  });

  // P9
  it.each([
    ['another message', () => fail('broken')],
    ['other effects before it', () => [send(), fail()]],
  ])('closes when the error of both has %s', async (_, failing) => {
    const handler = (order: { orderId: string }) => (isThird(order) ? failing() : send());
    const listener = (order: { orderId: string }) => (isThird(order) ? fail() : send());
    const shop = await afterPaying(4, { listener, handler });
    expect((await shop.pair.report()).evidence).toMatchObject({ verdicts: { 'both-error': 1 }, streak: 1 });
  });

  it('never opens on errors alone', async () => {
    const shop = await afterPaying(4, { listener: () => fail(), handler: () => fail() });
    expect((await conditionsOf(shop)).get('runs')).toMatchObject({ holds: false });
    expect((await conditionsOf(shop)).get('shapes')).toMatchObject({ holds: false });
  });
});

describe('the way from record to shadow', () => {
  const quiet = { listener: nothing, handler: nothing };
  const failedOf = (work: Promise<unknown>) =>
    work.then(
      () => [],
      (error: { failed: readonly Condition[] }) => error.failed,
    );

  it('is open while no broadcast of its event is lost', async () => {
    const shop = paired(quiet, { stage: 'record' });
    expect((await shop.pair.report()).text).toContain('✓ recorded: 0 events stored, 0 broadcasts lost');
    await shop.pay(2);
    expect((await shop.pair.report()).text).toContain('✓ recorded: 2 events stored, 0 broadcasts lost');
    await shop.pair.promote();
    expect(shop.pair.stage).toBe('shadow');
  });

  it('is closed while a broadcast of its event could not be recorded, also for other processes', async () => {
    const shop = paired(quiet, { stage: 'record' });
    await shop.pay(1);
    shop.publish({ orderId: 'big', cents: 1n });
    await shop.bus.settled();
    expect(shop.errors).toMatchObject([{ code: 'recording_failed' }]);
    const elsewhere = paired(quiet, { stage: 'record', store: shop.store });
    expect(await failedOf(elsewhere.pair.promote())).toMatchObject([
      { name: 'recorded', found: '1 events stored, 1 broadcasts lost' },
    ]);
    await shop.pair.demote({ to: 'legacy', why: 'mend it' });
    await shop.pair.promote();
    await shop.pay(1);
    await shop.pair.promote();
    expect(shop.pair.stage).toBe('shadow');
  });

  it('can be forced with a reason, which the ledger keeps with what was found', async () => {
    const { pair, bus, publish } = paired(quiet, { stage: 'record' });
    publish({ orderId: 'big', cents: 1n });
    await bus.settled();
    await pair.promote({ override: true, why: 'a quiet month' });
    const [move] = await pair.history();
    expect(move?.data).toMatchObject({
      overridden: true,
      why: 'a quiet month',
      evidence: { conditions: [{ name: 'recorded', holds: false }] },
    });
  });
});
