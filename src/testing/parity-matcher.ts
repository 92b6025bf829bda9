import { InvalidArgument } from '../errors/argument-errors.js';

/** A pair of `handover/legacy`, or whatever reports alike. */
export interface Comparable {
  report(): Promise<ParityReport>;
}

interface Side {
  readonly effects: readonly unknown[];
}

interface ParityReport {
  readonly text: string;
  readonly evidence: { readonly verdicts: Readonly<Record<string, number | undefined>> };
  readonly findings: readonly {
    readonly example: { readonly listener?: Side | undefined; readonly handler?: Side | undefined };
  }[];
}

export interface ParityExpectation {
  /** How many events must have been compared; at least one unless given. */
  readonly compared?: number;
}

export interface DiffingMatcher {
  readonly utils: { diff(expected: unknown, received: unknown): string | null };
}

/** `await expect(pair).toBeAtParity()`: whatever was compared was a match, and something was. */
export async function judgeParity(
  { utils }: DiffingMatcher,
  received: unknown,
  { compared = 1 }: ParityExpectation = {},
): Promise<{ readonly pass: boolean; message(): string }> {
  if (!isComparable(received)) throw new InvalidArgument('received', 'a pair', received);
  const { findings, evidence, text } = await received.report();
  const matches = evidence.verdicts['match'] ?? 0;
  const effects = findings.map(({ example: { listener, handler } }) =>
    utils.diff(listener?.effects ?? 'nothing is known', handler?.effects ?? 'nothing is known'),
  );
  const pass = findings.length === 0 && matches >= compared;
  return {
    pass,
    message: () =>
      pass
        ? `Expected the pair to differ, but ${matches} comparisons were matches.`
        : [
            `Expected ${compared} comparisons or more, and matches only.`,
            text,
            ...effects.map(
              (diff) =>
                `\nEffects of the listener (expected) and of the handler (received):\n\n${diff ?? ''}`,
            ),
          ].join('\n'),
  };
}

function isComparable(value: unknown): value is Comparable {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, 'report') === 'function';
}
