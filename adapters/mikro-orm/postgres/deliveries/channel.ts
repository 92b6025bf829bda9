import type { QuotedSchema } from '../schema-name.js';

/** The channel of NOTIFY on which sequencers tell of new deliveries. It is stored within functions: never change it. */
export function channelOf(schema: QuotedSchema): string {
  return schema.slice(1, -1);
}
