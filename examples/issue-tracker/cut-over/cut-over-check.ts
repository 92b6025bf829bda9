import type { EventStore } from 'handover';
import { z } from 'zod';
import { canonical } from '../effects.js';

/** What one run has done of everything that a pair is about. */
export type PairedEffects = Readonly<
  Record<'mails to authors' | 'activity feed lines' | 'reviews asked for', readonly unknown[]>
>;

/** One kind of effect over all releases and stages, beside what the old bus did with the same webhooks. */
export interface CutOver {
  readonly effect: string;
  readonly old: number;
  readonly withPairs: number;
  /** Done more often than by the old bus. */
  readonly doubled: number;
  readonly missed: number;
  /** One that was doubled or missed. */
  readonly example: string | undefined;
}

/** Who performed the events of a pair, as decided when they were stored. */
export interface Performed {
  readonly pair: string;
  readonly listener: number;
  readonly handler: number;
}

export function checkCutOver(old: PairedEffects, withPairs: PairedEffects): readonly CutOver[] {
  return Object.entries(old).map(([effect, before]) => {
    const after = withPairs[effect as keyof PairedEffects].map(canonical);
    const [was, is] = [counted(before.map(canonical)), counted(after)];
    const doubled = surplus(is, was);
    const missed = surplus(was, is);
    return {
      effect,
      old: before.length,
      withPairs: after.length,
      doubled: doubled.length,
      missed: missed.length,
      example: doubled[0] ?? missed[0],
    };
  });
}

function counted(texts: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

function surplus(some: ReadonlyMap<string, number>, others: ReadonlyMap<string, number>): readonly string[] {
  return [...some].flatMap(([text, count]) =>
    Array.from({ length: Math.max(0, count - (others.get(text) ?? 0)) }, () => text),
  );
}

/** Each event keeps the decision of each of its pairs. */
const decided = z.object({
  pairs: z.record(z.string(), z.object({ performs: z.enum(['listener', 'handler']) })),
});

export async function readPerformed(
  store: EventStore,
  pairs: readonly string[],
): Promise<readonly Performed[]> {
  const counts = pairs.map((pair) => ({ pair, listener: 0, handler: 0 }));
  for await (const { metadata } of store.read) {
    const decisions = decided.safeParse(metadata).data?.pairs ?? {};
    for (const count of counts) {
      const side = decisions[count.pair]?.performs;
      if (side !== undefined) count[side] += 1;
    }
  }
  return counts;
}
