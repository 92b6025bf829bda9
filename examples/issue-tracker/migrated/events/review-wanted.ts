import { defineEvent } from 'handover';
import { z } from 'zod';

export class ReviewWanted extends defineEvent(
  'ReviewWanted',
  z.object({ title: z.string(), author: z.string() }),
) {}
