import { effectScope } from '../effect-scope.js';

/**
 * What a timer, a callback or an emitter of a captured run throws with nobody to catch it must not end the process.
 * Anything else takes the course that it would have taken: listeners hear it, or the process ends.
 */
export function guardThrows(): () => void {
  process.on('uncaughtExceptionMonitor', hear);
  return () => void process.off('uncaughtExceptionMonitor', hear);
}

/** Heard before it is decided what becomes of the error: whoever captures it is asked next. */
function hear(error: unknown, origin: NodeJS.UncaughtExceptionOrigin): void {
  const scope = effectScope();
  if (scope === undefined || scope.mode === 'performed' || origin !== 'uncaughtException') return;
  scope.escape(`an error that nobody caught: ${error instanceof Error ? error.name : typeof error}`);
  if (process.hasUncaughtExceptionCaptureCallback()) return;
  process.setUncaughtExceptionCaptureCallback(() => {
    process.setUncaughtExceptionCaptureCallback(null);
  });
}
