import { Publisher } from './bus.js';
import type { ContributionGraph } from './listeners/contribution-graph.js';

/** The weekly job. No entity and no transaction is involved. */
export class Digest extends Publisher() {
  send(graph: ContributionGraph) {
    for (const total of graph.totals()) this.broadcast('digest_ready', total);
  }
}
