import { describe, expect, it } from '@jest/globals';
import { effectPort, type Effect } from 'handover';
import { paired } from './paired.js';

const mails = effectPort('mails', { send: (..._args: unknown[]) => undefined, open: () => undefined });
const jobs = effectPort('jobs', { add: (..._args: unknown[]) => undefined });
const nothing = () => undefined;

const same = (work: () => void) => ({ listener: work, handler: work });
const twoEffects = same(() => {
  mails.send('ann', { subject: 'paid', lines: [{ cents: 1 }, { cents: 2 }] });
  jobs.add('print', 7, null, true);
});

async function faultsOf(shop: ReturnType<typeof paired>) {
  const verdicts = await shop.verdicts();
  return verdicts.filter(({ sabotaged }) => sabotaged).map(({ fault, verdict }) => ({ ...fault, verdict }));
}

async function gateOf({ pair }: ReturnType<typeof paired>) {
  const { evidence } = await pair.report();
  return evidence.conditions.find(({ name }) => name === 'saboteur');
}

describe('the saboteur', () => {
  it('drops an effect, alters a value and adds an effect in turn, and all of it is noticed', async () => {
    const shop = paired(twoEffects);
    shop.pair.sabotage(6);
    await shop.pay(8);
    const faults = await faultsOf(shop);
    expect(faults.map(({ kind }) => kind)).toEqual([
      'dropped',
      'altered',
      'added',
      'dropped',
      'altered',
      'added',
    ]);
    expect(new Set(faults.map(({ verdict }) => verdict))).toEqual(new Set(['mismatch']));
    expect(await gateOf(shop)).toEqual({
      name: 'saboteur',
      holds: true,
      found: '6 planted faults caught of 6: dropped 2 of 2, altered 2 of 2, added 2 of 2',
    });
    expect((await shop.pair.report()).evidence).toMatchObject({ verdicts: { match: 2 }, streak: 2 });
  });

  it('spreads over effects and the values deep within them', async () => {
    const shop = paired(twoEffects);
    shop.pair.sabotage(300);
    await shop.pay(300);
    const faults = await faultsOf(shop);
    expect(faults.filter(({ verdict }) => verdict !== 'mismatch')).toEqual([]);
    const paths = (kind: string) =>
      new Set(faults.filter((each) => each.kind === kind).map(({ path }) => path));
    expect(paths('dropped')).toEqual(new Set(['jobs.add', 'mails.send']));
    expect(paths('altered')).toEqual(
      new Set([
        'jobs.add › 0',
        'jobs.add › 1',
        'jobs.add › 2',
        'jobs.add › 3',
        'mails.send › 0',
        'mails.send › 1 › lines › 0 › cents',
        'mails.send › 1 › lines › 1 › cents',
        'mails.send › 1 › subject',
      ]),
    );
  });

  it('leaves alone what the rules of the pair say is not compared', async () => {
    const sides = same(() => mails.send('masked', 'normalised', 'expected', 'compared'));
    const shop = paired(sides, {
      masks: ['mails.send › 0'],
      normalise: (effect: Effect) =>
        effect.kind === 'call' ? { ...effect, args: effect.args.with(1, '') } : effect,
      expected: [
        {
          name: 'third',
          reason: 'a test',
          expires: new Date('2999-01-01'),
          matches: ({ path }) => path === 'mails.send › 2',
        },
      ],
    });
    shop.pair.sabotage(60);
    await shop.pay(60);
    const altered = (await faultsOf(shop)).filter(({ kind }) => kind === 'altered');
    expect(altered).toHaveLength(20);
    expect(new Set(altered.map(({ path }) => path))).toEqual(new Set(['mails.send › 3']));
  });

  it('is not noticed where no value of any effect is compared, and the gate stays closed', async () => {
    const shop = paired(
      same(() => mails.send('ann')),
      { masks: ['mails.send › *'] },
    );
    shop.pair.sabotage(3);
    await shop.pay(6);
    expect(await gateOf(shop)).toEqual({
      name: 'saboteur',
      holds: false,
      found:
        '2 planted faults caught of 3: dropped 1 of 1, altered 0 of 1, added 1 of 1; not noticed: altered mails.send › 0',
    });
    await expect(shop.pair.promote()).rejects.toThrow('altered 0 of 1');
  });

  it('adds an effect where there is none to drop or alter', async () => {
    const none = paired(same(nothing));
    none.pair.sabotage(2);
    await none.pay(2);
    expect(await faultsOf(none)).toEqual([
      { kind: 'added', path: 'saboteur.act', verdict: 'mismatch' },
      { kind: 'added', path: 'saboteur.act', verdict: 'mismatch' },
    ]);
    const bare = paired(same(() => mails.open()));
    bare.pair.sabotage(2);
    await bare.pay(2);
    expect(await faultsOf(bare)).toMatchObject([{ kind: 'dropped' }, { kind: 'added', path: 'mails.open' }]);
  });

  // Seen failing while faults fell on whatever came next: the real mismatch vanished from the report.
  it('waits for a comparison that is a match: what differs anyway proves nothing, and stays in the report', async () => {
    let isMended = false;
    const shop = paired({
      listener: () => mails.send('a'),
      handler: () => mails.send(isMended ? 'a' : 'b'),
    });
    shop.pair.sabotage();
    await shop.pay(2);
    expect(await shop.verdicts()).toMatchObject([
      { verdict: 'mismatch', sabotaged: false },
      { verdict: 'mismatch', sabotaged: false },
    ]);
    isMended = true;
    await shop.pay(2);
    expect((await shop.verdicts()).slice(2)).toMatchObject([
      { verdict: 'mismatch', sabotaged: true },
      { verdict: 'match', sabotaged: false },
    ]);
  });
});
