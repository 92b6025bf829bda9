import { syncBuiltinESMExports } from 'node:module';
import { guardClockAndChance } from './clock-and-chance.js';
import { guardFiles } from './files.js';
import { guardNetwork } from './network.js';
import { guardProcesses } from './processes.js';
import { guardRejections } from './rejections.js';
import { all } from './replaced.js';
import { guardThrows } from './throws.js';

let users = 0;
let uninstall: (() => void) | undefined;

/**
 * From here on runs under observation are told of what they do beside their ports, and captured ones are kept from
 * it. Everywhere else nothing changes. Calls are counted.
 *
 * @returns Ends it with the last of its users.
 */
export function guardEffects(): () => void {
  users += 1;
  uninstall ??= install();
  let isOver = false;
  return () => {
    if (isOver) return;
    isOver = true;
    users -= 1;
    if (users > 0) return;
    uninstall?.();
    uninstall = undefined;
    syncBuiltinESMExports();
  };
}

function install(): () => void {
  const undo = all([
    guardNetwork(),
    guardProcesses(),
    guardFiles(),
    guardClockAndChance(),
    guardRejections(),
    guardThrows(),
  ]);
  syncBuiltinESMExports();
  return undo;
}
