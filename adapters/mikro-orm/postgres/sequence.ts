import type { Execute } from '../execute.js';
import type { QuotedSchema } from './schema-name.js';

const batch = 1000;
const maxBatches = 10_000;

/**
 * Gives every event that is committed now its position.
 *
 * @param apart Commits each statement by itself: positions must be seen at once, and in order (hazards H1).
 */
export async function sequence(apart: Execute, schema: QuotedSchema): Promise<void> {
  for (let round = 0; round < maxBatches; round += 1) {
    const [row] = await apart<{ moved: number }>(`select ${schema}.sequence($1::int) as moved`, [batch]);
    if (row === undefined || row.moved < batch) return;
  }
}
