import { LogUnavailable, SchemaOutdated, UnknownCommitOutcome } from '../../../src/index.js';
import type { Execute } from '../execute.js';

/** The statement never reached a server that takes statements. */
const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT', // no such socket
  '08001', // sqlclient_unable_to_establish_sqlconnection
  '08004', // sqlserver_rejected_establishment_of_sqlconnection
  '53300', // too_many_connections
  '57P03', // cannot_connect_now
]);

/** The connection went while the statement was under way. */
const lost = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  '08000', // connection_exception
  '08003', // connection_does_not_exist
  '08006', // connection_failure
  '57P01', // admin_shutdown
  '57P02', // crash_shutdown
]);

const schemaMissing = new Set([
  '3F000', // invalid_schema_name
  '42P01', // undefined_table
  '42883', // undefined_function
  '42703', // undefined_column
]);

/** What the driver says without a code, in its own never translated words. */
const driverUnreachable =
  /^(timeout exceeded when trying to connect|timeout expired|Client .* is not queryable)/;
const driverLost = /^Connection terminated/;

export type Trouble = 'unreachable' | 'lost' | 'schema missing';

/** What an error of the driver, however wrapped, means for the log; `undefined` when it is no trouble of ours. */
export function diagnose(error: unknown): Trouble | undefined {
  for (const { code, message } of chain(error)) {
    if (typeof code === 'string') {
      if (unreachable.has(code)) return 'unreachable';
      if (lost.has(code)) return 'lost';
      if (schemaMissing.has(code)) return 'schema missing';
    } else if (typeof message === 'string') {
      if (driverUnreachable.test(message)) return 'unreachable';
      if (driverLost.test(message)) return 'lost';
    }
  }
  return undefined;
}

/** How the parts of the log reach the database: with errors in the words of the log. */
export interface Translation {
  /** Statements that may be repeated, or whose transaction is lost with their connection. */
  readonly harmless: (execute: Execute) => Execute;
  /** Statements that commit by themselves; `eventIds` are at stake. */
  readonly committing: (execute: Execute, eventIds: readonly string[]) => Execute;
}

/** @param findVersion Asked outside a transaction, where one may still ask: the version of the schema. */
export function translation(
  schema: string,
  wanted: number,
  findVersion: () => Promise<number | undefined>,
): Translation {
  const translate = async (error: unknown, whenLost: () => Error): Promise<unknown> => {
    const trouble = diagnose(error);
    if (trouble === 'unreachable') return new LogUnavailable(error);
    if (trouble === 'lost') return whenLost();
    if (trouble !== 'schema missing') return error;
    const found = await findVersion();
    return found === wanted ? error : withCause(new SchemaOutdated(schema, found, wanted), error);
  };

  const translated =
    (execute: Execute, whenLost: (cause: unknown) => Error): Execute =>
    async (statement, parameters, name) => {
      try {
        return await execute(statement, parameters, name);
      } catch (error) {
        throw await translate(error, () => whenLost(error));
      }
    };

  return {
    harmless: (execute) => translated(execute, (cause) => new LogUnavailable(cause)),
    committing: (execute, eventIds) =>
      translated(execute, (cause) => new UnknownCommitOutcome(eventIds, cause)),
  };
}

interface ErrorLike {
  readonly code?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
}

/** An error and its causes. It is not asked for its class: errors of Node and of the driver come from other realms. */
function* chain(error: unknown): Generator<ErrorLike> {
  let each = error;
  for (let depth = 0; depth < 8 && typeof each === 'object' && each !== null; depth += 1) {
    const link: ErrorLike = each;
    yield link;
    each = link.cause;
  }
}

function withCause<E extends Error>(error: E, cause: unknown): E {
  return Object.assign(error, { cause });
}
