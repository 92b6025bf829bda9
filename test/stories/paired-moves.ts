import { MovedMeanwhile, type Pair, type Stage } from 'handover/legacy';

const earlier: readonly Stage[] = ['legacy', 'record', 'shadow', 'live', 'handler'];

/** An operator who cannot decide: moves the pair without a pause, forward more often than back. */
export function keepMoving(pair: Pair) {
  const halted = new AbortController();
  let moves = 0;
  let lost = 0;
  const move = async () => {
    if (Math.random() < 0.75 && pair.stage !== 'retired') {
      const goesLive = pair.stage === 'shadow' || pair.stage === 'live';
      const percent = goesLive ? [50, 100, 100][moves % 3] : undefined;
      const isWhole = pair.stage === 'live' && pair.percent === 100;
      await pair.promote({
        percent: isWhole ? undefined : percent,
        to: isWhole ? 'handler' : undefined,
        override: true,
        why: 'to try it',
      });
    } else {
      const before = earlier.slice(0, Math.max(1, earlier.indexOf(pair.stage)));
      await pair.demote({ to: before[Math.floor(Math.random() * before.length)], why: 'to try it' });
    }
    moves += 1;
  };
  const moving = (async () => {
    while (!halted.signal.aborted) {
      await move().catch((error: unknown) => (lost += error instanceof MovedMeanwhile ? 1 : 0));
    }
  })();
  return {
    async halt() {
      halted.abort();
      await moving;
      return { moves, lost };
    },
  };
}
