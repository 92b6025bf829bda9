import { defineEvent } from 'handover';
import { z } from 'zod';

export class PlanPurchased extends defineEvent(
  'PlanPurchased',
  z.object({
    account: z.string(),
    plan: z.string(),
    seats: z.number().int().positive(),
    cents: z.number().int().nonnegative(),
  }),
) {}
