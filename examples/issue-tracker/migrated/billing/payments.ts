import { randomUUID } from 'node:crypto';

/** What billing needs of a payment service. */
export interface Payments {
  /** @returns The number of the charge. The same key again charges nothing, and gives the same number. */
  charge(order: Order): Promise<string>;
}

export interface Order {
  readonly account: string;
  readonly cents: number;
  readonly idempotencyKey: string;
}

/** Stands in for a real service. Its first answer is lost on the way: the money is taken, and the caller sees an error. */
export class UnsteadyPayments implements Payments {
  readonly calls: Order[] = [];
  readonly charges = new Map<string, string>();

  async charge(order: Order): Promise<string> {
    this.calls.push(order);
    const charge = this.charges.get(order.idempotencyKey) ?? `charge-${randomUUID().slice(0, 8)}`;
    this.charges.set(order.idempotencyKey, charge);
    if (this.calls.length === 1) throw new Error('The payment service did not answer in time');
    return charge;
  }
}
