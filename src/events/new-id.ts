import { randomFillSync } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';

const drawSize = 16;

/** Random bytes are drawn for many ids at once: one draw costs more than all the rest of an id. */
const pool = Buffer.allocUnsafe(256 * drawSize);
let used = pool.length;
let msecs = 0;
let seq = 0;

/** A UUIDv7, above those that this process made before. */
export function newId(): string {
  const random = draw();
  const now = Date.now();
  if (now > msecs) {
    msecs = now;
    seq = random.readUInt32BE() >>> 1;
  } else {
    seq += 1;
  }
  return uuidv7({ random, msecs, seq });
}

function draw(): Buffer {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += drawSize;
  return pool.subarray(used - drawSize, used);
}
