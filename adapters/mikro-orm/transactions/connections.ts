import type { Connections, Execute } from '../execute.js';
import type { Home } from './home.js';
import { compile, isPglite } from './sql-connection.js';
import type { Runner } from './sql-connection.js';

/** On PGlite, where all share one session, `apart` joins too: it would wait for ever for the transaction around it. */
export function connectionsOf({ connection, ambient }: Home): Connections {
  const pooled = async (): Promise<Runner> => {
    await connection.ensureConnection();
    return connection.getClient();
  };
  const joined = executeOn(async () => ambient()?.handle ?? pooled());
  return { joined, apart: isPglite(connection) ? joined : executeOn(pooled) };
}

function executeOn(runner: () => Promise<Runner>): Execute {
  return async <Row>(statement: string, parameters: readonly unknown[]) => {
    const { rows } = await (await runner()).executeQuery(compile(statement, parameters));
    return rows as readonly Row[];
  };
}
