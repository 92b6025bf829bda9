import { defineEntity, p } from '@mikro-orm/postgresql';
import { defineEvent } from 'handover';

export class Noted extends defineEvent<{ note: number }>('Noted') {}

export const Receipt = defineEntity({
  name: 'ShutdownReceipt',
  tableName: 'shutdown_receipt',
  properties: { id: p.string().primary() },
});

export const receiptsHandler = { run: 'queued', name: 'receipts' } as const;
