import { createHash } from 'node:crypto';

/** In the order in which a pair goes through them. */
export const stages = ['legacy', 'record', 'shadow', 'live', 'handler', 'retired'] as const;

/**
 * - `legacy`: the listener performs. `record`: the same, and every broadcast is stored.
 * - `shadow`: the listener performs, the handler is captured and compared.
 * - `live`: the handler performs for a part of the streams, the other side is captured and compared.
 * - `handler`: the handler performs, the listener is not called. `retired`: the listener is deleted from the code.
 */
export type Stage = (typeof stages)[number];

export type Side = 'listener' | 'handler';

/** Where a pair stands. */
export interface Standing {
  readonly stage: Stage;
  /** Of the streams whose events the handler performs in `live`, 0 to 100; 100 elsewhere. */
  readonly percent: number;
}

export function isStage(value: unknown): value is Stage {
  return stages.some((each) => each === value);
}

/** `shadow`, `live 25 %`. */
export function textOf({ stage, percent }: Standing): string {
  return stage === 'live' ? `${stage} ${percent} %` : stage;
}

/** Forward one by one, with `live` to more percent in between; back to any stage. */
export function isStep(from: Standing, to: Standing): boolean {
  const distance = stages.indexOf(to.stage) - stages.indexOf(from.stage);
  if (distance < 0) return true;
  if (distance === 0) return to.stage === 'live' && to.percent !== from.percent;
  return distance === 1 && (from.stage !== 'live' || from.percent === 100);
}

export function isForward(from: Standing, to: Standing): boolean {
  const distance = stages.indexOf(to.stage) - stages.indexOf(from.stage);
  return distance > 0 || (distance === 0 && to.percent > from.percent);
}

/** Sticky: the same stream gets the same answer, and keeps it while `percent` grows. */
export function performerOf({ stage, percent }: Standing, stickyKey: string): Side {
  if (stage === 'handler' || stage === 'retired') return 'handler';
  return stage === 'live' && shareOf(stickyKey) * 100 < percent ? 'handler' : 'listener';
}

/** A number from 0 to 1, spread evenly over keys and the same for the same key in every process. */
export function shareOf(key: string): number {
  return createHash('sha1').update(key).digest().readUInt32BE(0) / 2 ** 32;
}
