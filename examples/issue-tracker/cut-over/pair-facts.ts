import type { EventStore } from 'handover';
import type { Condition, Difference, Finding, Pair, PairReport } from 'handover/legacy';

/** How a pair stood after a batch of webhooks, and where it went. */
export interface PairFacts {
  readonly pair: string;
  /** Such as `live 25 %`. */
  readonly stage: string;
  readonly verdicts: PairReport['evidence']['verdicts'];
  readonly matchRate: number | null;
  readonly streak: number;
  readonly conditions: readonly Condition[];
  readonly findings: readonly FindingFacts[];
  /** The stage afterwards. */
  readonly next: string;
  /** Why it may not go on; empty when it does, or has arrived. */
  readonly refusedBy: readonly Condition[];
}

/** Verdicts of one kind that are no match, with an example. */
export interface FindingFacts {
  readonly verdict: Finding['verdict'];
  readonly count: number;
  readonly differences: readonly Difference[];
  readonly event: EventFacts | undefined;
}

export interface EventFacts {
  readonly id: string;
  readonly type: string;
  readonly stream: string | undefined;
  readonly version: number | undefined;
  readonly data: unknown;
}

/** @param promote Asks for the next stage. @returns What refused. */
export async function factsOf(
  pair: Pair,
  store: EventStore,
  promote: (pair: Pair) => Promise<readonly Condition[]>,
): Promise<PairFacts> {
  const { evidence, findings } = await pair.report();
  const { verdicts, matchRate, streak, conditions } = evidence;
  const stage = stageOf(pair);
  const refusedBy = await promote(pair);
  return {
    pair: pair.name,
    stage,
    verdicts,
    matchRate,
    streak,
    conditions,
    findings: await Promise.all(findings.map((finding) => findingFacts(finding, store))),
    next: stageOf(pair),
    refusedBy,
  };
}

async function findingFacts({ verdict, count, example }: Finding, store: EventStore): Promise<FindingFacts> {
  const event = await store.read.event(example.eventId);
  return {
    verdict,
    count,
    differences: example.differences,
    event: event && {
      id: event.id,
      type: event.type,
      stream: event.stream,
      version: event.version,
      data: event.data,
    },
  };
}

function stageOf({ stage, percent }: Pair): string {
  return stage === 'live' ? `live ${percent} %` : stage;
}
