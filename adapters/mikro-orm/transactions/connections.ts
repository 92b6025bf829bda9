import { outsideScopes } from '../../../src/index.js';
import type { Connections, Execute } from '../execute.js';
import type { Home } from './home.js';
import { executePrepared, isNotPrepared, poolOf } from './pool.js';
import { compile, isPglite } from './sql-connection.js';
import type { Runner } from './sql-connection.js';

/** On PGlite, where all share one session, `apart` joins too: it would wait for ever for the transaction around it. */
export function connectionsOf(home: Home): Connections {
  const pooled = executePooled(home);
  const joined: Execute = async (statement, parameters, name) => {
    const transaction = home.ambient();
    return transaction === undefined
      ? pooled(statement, parameters, name)
      : executeOn(transaction.handle, statement, parameters);
  };
  const apart = isPglite(home.connection) ? joined : pooled;
  return { joined: unnoted(joined), apart: unnoted(apart) };
}

/** What the log does is none of the effects of the run that it does it for. */
function unnoted(execute: Execute): Execute {
  return (statement, parameters, name) => outsideScopes(() => execute(statement, parameters, name));
}

/** Kysely cannot name a statement: those with a name go past it, to the pool that it uses. */
function executePooled({ connection, hasSessionHooks }: Home): Execute {
  let prepares = !hasSessionHooks && !isPglite(connection);
  return async (statement, parameters, name) => {
    await connection.ensureConnection();
    const pool = prepares && name !== undefined ? await poolOf(connection) : undefined;
    if (pool !== undefined && name !== undefined) {
      try {
        return await executePrepared(pool, { name, text: statement, values: [...parameters] });
      } catch (error) {
        if (!isNotPrepared(error)) throw error;
        prepares = false;
      }
    }
    return executeOn(connection.getClient(), statement, parameters);
  };
}

async function executeOn<Row>(
  runner: Runner,
  statement: string,
  parameters: readonly unknown[],
): Promise<readonly Row[]> {
  const { rows } = await runner.executeQuery(compile(statement, parameters));
  return rows as readonly Row[];
}
