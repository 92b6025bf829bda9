import { defineEvent } from 'handover';
import { z } from 'zod';

export class DigestReady extends defineEvent(
  'DigestReady',
  z.object({ login: z.string(), contributions: z.number().int().positive() }),
) {}
