import { SingleBar } from 'cli-progress';
import type { Output } from './output.js';

export interface Progress {
  /** One payload more of a run that receives `total`. */
  step(run: keyof typeof runTitles, total: number): void;
  finish(): void;
}

export const runTitles = {
  before: 'Run 1, bus in memory',
  after: 'Run 2, bus on the store',
  pairs: 'Run 3, pairs',
} as const;

/** A bar on a terminal; silent elsewhere, where the line after each run says enough. */
export function showProgress(output: Output & NodeJS.WritableStream): Progress {
  if (output.isTTY !== true) return { step: () => undefined, finish: () => undefined };
  let bar: SingleBar | undefined;
  return {
    step(run, total) {
      bar ??= startBar(output, runTitles[run], total);
      bar.increment();
    },
    finish() {
      bar?.stop();
      bar = undefined;
    },
  };
}

function startBar(stream: NodeJS.WritableStream, title: string, total: number): SingleBar {
  const format = `  ${title.padEnd(24)} [{bar}] {value}/{total} payloads`;
  const bar = new SingleBar({
    format,
    stream,
    barsize: 30,
    barCompleteChar: '=',
    barIncompleteChar: ' ',
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(total, 0);
  return bar;
}
