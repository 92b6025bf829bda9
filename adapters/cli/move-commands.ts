import type { MoveOptions, Pair } from '../../legacy/index.js';
import type { Application } from './application.js';
import type { Output } from './output.js';
import { noSuchPair } from './parity-command.js';

/** `handover promote` */
export async function promote(
  application: Application,
  name: string,
  options: MoveOptions,
  output: Output,
): Promise<void> {
  const pair = pairNamed(application, name);
  const from = placeOf(pair);
  await pair.promote(options);
  output.say(`${name}: ${from} → ${placeOf(pair)}`);
}

/** `handover demote` */
export async function demote(
  application: Application,
  name: string,
  options: MoveOptions,
  output: Output,
): Promise<void> {
  const pair = pairNamed(application, name);
  const from = placeOf(pair);
  await pair.demote(options);
  output.say(`${name}: ${from} → ${placeOf(pair)}`);
}

function pairNamed({ bus }: Application, name: string): Pair {
  const pair = bus.pairs.find((each) => each.name === name);
  if (pair === undefined) throw noSuchPair(name, bus.pairs);
  return pair;
}

function placeOf({ stage, percent }: Pair): string {
  return stage === 'live' ? `live ${percent} %` : stage;
}
