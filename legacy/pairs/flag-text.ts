import { InvalidArgument } from '../../src/index.js';
import { reasonOf } from './reason.js';
import { isStage, type Standing } from './stage.js';

const mostReported = 100;
const share = /^live:(\d{1,3}(?:\.\d+)?)$/;

/** Reads what a flag says. What is no stage is reported once for each value, and says nothing. */
export class FlagText {
  readonly #flag: string;
  readonly #report: (error: unknown) => void;
  readonly #reported = new Set<string>();

  constructor(flag: string, report: (error: unknown) => void) {
    this.#flag = flag;
    this.#report = report;
  }

  /** `'shadow'`, or `'live:25'` for 25 % of the streams; `'live'` alone means all that the flag says it for. */
  standing(value: unknown): Standing | undefined {
    // So does a provider that does not know.
    if (value === undefined || value === null || value === '') return undefined;
    const standing = standingOf(value);
    if (standing === undefined) this.#complain(value);
    return standing;
  }

  #complain(value: unknown): void {
    const text = `${typeof value} ${reasonOf(value)}`;
    if (this.#reported.has(text) || this.#reported.size >= mostReported) return;
    this.#reported.add(text);
    this.#report(
      new InvalidArgument(
        `flag ${this.#flag}`,
        "a stage such as 'shadow' or 'live:25'",
        value,
        'Mend the flag: until then the pair stays at the stage it had.',
      ),
    );
  }
}

function standingOf(value: unknown): Standing | undefined {
  if (isStage(value)) return { stage: value, percent: 100 };
  const [, text] = typeof value === 'string' ? (share.exec(value) ?? []) : [];
  const percent = Number(text);
  return text !== undefined && percent <= 100 ? { stage: 'live', percent } : undefined;
}
