import type { DeliveryLog, Transactions } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { channelOf } from './channel.js';
import { fates } from './fates.js';
import { handingOver } from './handing-over.js';
import { leasing } from './leasing.js';
import { listen, type OpenListenClient } from './listening.js';
import { ordering } from './ordering.js';
import { registering } from './registering.js';
import { replaying } from './replaying.js';

export interface PostgresDeliveriesOptions {
  readonly transactions: Transactions | undefined;
  readonly listenClient: OpenListenClient | undefined;
}

async function noListening() {}

export function postgresDeliveries(
  database: Database,
  { transactions, listenClient }: PostgresDeliveriesOptions,
): DeliveryLog {
  return {
    ...registering(database),
    ...leasing(database),
    ...handingOver(database),
    ...ordering(database),
    ...replaying(database),
    ...fates(database),
    // In the async context of this call, but in none of its transactions (hazards H18).
    listen: async (wake) =>
      listenClient === undefined
        ? noListening
        : listen(listenClient, channelOf(database.schema), () =>
            transactions === undefined ? wake() : transactions.outside(wake),
          ),
  };
}
