/** One way of doing the same work, measured beside others. */
export interface Contender {
  readonly name: string;
  /** The ratio to the first contender that is good enough. */
  readonly aim?: number;
  /** How many of the operations of a round it runs; default 1, all. */
  readonly share?: number;
  /** Before the clock runs. */
  prepare?(times: number): Promise<void>;
  /** After it has stopped. */
  clear?(): Promise<void>;
  /** Runs `times` operations. */
  run(times: number): Promise<void> | void;
}

export interface RoundPlan {
  readonly rounds: number;
  readonly timesPerRound: number;
}

export interface Measurement {
  readonly name: string;
  /** Median over the rounds. */
  readonly operationsPerSecond: number;
  /** Median of the ratios to the first contender, round by round. */
  readonly ratio: number;
  readonly aim: number | undefined;
}

/**
 * Lets contenders take turns, so that whatever else the machine does hits all of them alike, and compares each with
 * the first one within the same round. The first round warms up and does not count.
 */
export async function takeTurns(
  contenders: readonly Contender[],
  plan: RoundPlan,
): Promise<readonly Measurement[]> {
  const rates: number[][] = contenders.map(() => []);
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const [index, contender] of contenders.entries()) {
      const rate = await rateOf(contender, plan.timesPerRound);
      if (round > 0) rates[index]?.push(rate);
    }
  }
  const baseline = rates[0] ?? [];
  return contenders.map(({ name, aim }, index) => {
    const own = rates[index] ?? [];
    return {
      name,
      aim,
      operationsPerSecond: median(own),
      ratio: median(own.map((rate, round) => rate / (baseline[round] ?? Number.NaN))),
    };
  });
}

export function printTable(title: string, measurements: readonly Measurement[]): void {
  const width = Math.max(...measurements.map(({ name }) => name.length));
  console.log(`\n${title}`);
  for (const { name, operationsPerSecond, ratio, aim } of measurements) {
    const rate = Math.round(operationsPerSecond).toLocaleString('en-US').padStart(12);
    console.log(
      `  ${name.padEnd(width)} ${rate}/s  ${ratio.toFixed(2).padStart(6)} × the first${verdict(ratio, aim)}`,
    );
  }
}

function verdict(ratio: number, aim: number | undefined): string {
  if (aim === undefined) return '';
  return `; the aim, ${aim.toFixed(2)}, is ${ratio >= aim ? 'met' : 'missed'}`;
}

async function rateOf(contender: Contender, times: number): Promise<number> {
  const own = Math.ceil(times * (contender.share ?? 1));
  await contender.prepare?.(own);
  const start = process.hrtime.bigint();
  await contender.run(own);
  const nanoseconds = Number(process.hrtime.bigint() - start);
  await contender.clear?.();
  return (own * 1e9) / nanoseconds;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}
