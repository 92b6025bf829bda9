import type { EventStore } from 'handover';
import { PlanPurchased } from '../events/plan-purchased.js';

export const receiptHandler = 'billing.receipt';

/** Stands in for a real one. */
export class MailServer {
  readonly sent: string[] = [];
  isUp = false;

  async send(mail: string): Promise<void> {
    if (!this.isUp) throw new Error('The mail server refuses connections');
    this.sent.push(mail);
  }
}

/** It writes to no database, so it needs no transaction. Two attempts, and it is given up: a dead letter. */
export function sendReceipts(store: EventStore, mailServer: MailServer): () => void {
  const handler = ({ data: { account, plan } }: PlanPurchased) =>
    mailServer.send(`to ${account}: your receipt for ${plan}`);
  return store.subscribe(handler, {
    to: [PlanPurchased],
    run: 'queued',
    name: receiptHandler,
    effects: 'external',
    attempts: 2,
    backoff: 100,
  });
}
