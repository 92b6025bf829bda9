import type { Client } from '@openfeature/server-sdk';

/** Text flags by name and targeting key. */
export interface TextFlags {
  textOf(flag: string, targetingKey: string | undefined): Promise<string | undefined>;
}

/**
 * Lets an OpenFeature provider say at which stage a pair is: `bus.pair('receipts', { …, flags: openFeatureFlags(client) })`.
 * The flag is text such as `'shadow'` or `'live:25'`; its targeting key is the stream of the event.
 *
 * A look-up that fails gives `undefined`, and the pair stays where it was.
 */
export function openFeatureFlags(client: Client): TextFlags {
  return {
    async textOf(flag, targetingKey) {
      const context = targetingKey === undefined ? {} : { targetingKey };
      const { value, errorCode } = await client.getStringDetails(flag, '', context);
      return errorCode === undefined && value !== '' ? value : undefined;
    },
  };
}
