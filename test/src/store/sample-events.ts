import { defineEvent, type Event } from 'handover';
import { z } from 'zod';

export class QuoteCompleted extends defineEvent<{ quoteId: string }>('QuoteCompleted') {}

export class PriceUpdated extends defineEvent(
  'PriceUpdated',
  z.object({ catalogItemId: z.string(), priceNow: z.number() }),
) {}

export class QuoteArchived extends defineEvent('QuoteArchived') {}

/** Any number of them, told apart by their ids: `a`, `b` … */
export function quotes(ids: string): QuoteCompleted[] {
  return Array.from(ids, (id) => new QuoteCompleted({ quoteId: id }, { id }));
}

export function idsOf(events: readonly Event[]): string {
  return events.map((event) => event.id).join('');
}

/** What `work` throws or rejects with, so that a test can look at it from all sides. */
export async function errorOf(work: () => unknown): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('Expected a failure, and there was none.');
}
