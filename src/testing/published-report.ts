import type { Event } from '../events/event.js';

/** One expectation, and how to compare and print with the test runner's own means. */
export interface Comparison {
  readonly type: string;
  readonly wanted: {
    readonly data?: unknown;
    readonly metadata?: unknown;
    readonly stream?: string | undefined;
  };
  readonly alike: (actual: unknown, wanted: unknown) => boolean;
  readonly print: (value: unknown) => string;
}

export interface Findings {
  readonly comparison: Comparison;
  readonly events: readonly Event[];
  readonly matching: readonly Event[];
  readonly times: number | undefined;
  readonly isNot: boolean;
}

/** In what an event differs from the expectation, in words; empty when it matches. */
export function differences(event: Event, { type, wanted, alike, print }: Comparison): readonly string[] {
  if (event.type !== type) return [`type differs: ${event.type}, wanted ${type}`];
  const parts = (['data', 'metadata', 'stream'] as const).filter((part) => wanted[part] !== undefined);
  return parts
    .filter((part) => !alike(event[part], wanted[part]))
    .map((part) => `${part} differs: ${print(event[part])}, wanted ${print(wanted[part])}`);
}

/** What was wanted, what came, and what was nearest. */
export function explainMissing({ comparison, events, matching, times, isNot }: Findings): string {
  const { type, wanted, print } = comparison;
  const parts = Object.entries(wanted).filter(([, value]) => value !== undefined);
  const details = parts.map(([part, value]) => ` ${part} ${print(value)}`).join(',');
  const often = times === undefined ? '' : ` ${times} time(s)`;
  const negation = isNot ? 'not ' : '';
  const came = times === undefined ? '' : `; ${matching.length} matched`;
  const list = events.map((event) => `    ${event.type} ${print(event.data)}${nearness(event, comparison)}`);
  const heading =
    events.length === 0 ? '  published meanwhile: nothing' : `  published meanwhile (${events.length}):`;
  return [`Expected ${type}${details} ${negation}to be published${often}${came}.`, '', heading, ...list].join(
    '\n',
  );
}

function nearness(event: Event, comparison: Comparison): string {
  const found = differences(event, comparison);
  if (found.length === 0) return '   ← matches';
  return event.type === comparison.type ? `   ← right type, ${found.join('; ')}` : '';
}
