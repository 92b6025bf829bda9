import type { Evidence } from './gate.js';

export interface RecordFacts {
  /** Events of the pair in the log since it came to `record`; more than a thousand are not counted. */
  readonly recorded: number;
  /** Broadcasts of the event that processes of this pair could not record since then. */
  readonly notRecorded: number;
}

export const mostRecorded = 1_000;

/** Whether every broadcast is stored and valid, as far as that can be known. */
export function weighRecord({ recorded, notRecorded }: RecordFacts): Evidence {
  const stored = recorded >= mostRecorded ? `${mostRecorded} or more` : String(recorded);
  return {
    verdicts: {},
    matchRate: null,
    streak: 0,
    rateBound: 1,
    conditions: [
      {
        name: 'recorded',
        holds: notRecorded === 0,
        found: `${stored} events stored, ${notRecorded} broadcasts lost`,
      },
    ],
  };
}
