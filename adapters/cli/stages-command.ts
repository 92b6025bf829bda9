import type { Pair } from '../../legacy/index.js';
import type { Application } from './application.js';
import type { Output } from './output.js';

/** `handover stages`: where every pair stands. */
export async function showStages({ bus }: Application, output: Output): Promise<void> {
  const rows = await Promise.all(bus.pairs.map((pair) => rowOf(pair)));
  output.show(
    rows,
    ['Pair', 'Stage', 'Since', 'Moved by', 'Why', 'Phantoms'],
    rows.map(({ pair, stage, percent, since, who, why, phantoms }) => [
      pair,
      stage === 'live' ? `live ${percent} %` : stage,
      since?.slice(0, 16).replace('T', ' ') ?? 'declared',
      who ?? '',
      why ?? '',
      String(phantoms),
    ]),
  );
}

async function rowOf(pair: Pair) {
  const last = (await pair.history()).at(-1);
  return {
    pair: pair.name,
    stage: pair.stage,
    percent: pair.percent,
    since: last?.timestamp?.toISOString(),
    who: last?.data.who,
    why: last?.data.why,
    phantoms: pair.phantoms,
  };
}
