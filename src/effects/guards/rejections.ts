import { effectScope } from '../effect-scope.js';

/**
 * A promise that a captured run has left floating, and that rejects, must not end the process. Anything else goes
 * where it would have gone.
 */
export function guardRejections(): () => void {
  if (isDecidedOtherwise()) return () => undefined;
  process.on('unhandledRejection', hear);
  return () => void process.off('unhandledRejection', hear);
}

function hear(reason: unknown): void {
  const scope = effectScope();
  if (scope !== undefined && scope.mode !== 'performed') {
    scope.escape(`a rejection that nobody handled: ${reason instanceof Error ? reason.name : typeof reason}`);
  } else if (process.listenerCount('unhandledRejection') === 1) throw reason;
}

/** `--unhandled-rejections=…`: without it, one that nobody listens to is thrown. */
function isDecidedOtherwise(): boolean {
  return [...process.execArgv, process.env['NODE_OPTIONS']].join(' ').includes('--unhandled-rejections');
}
