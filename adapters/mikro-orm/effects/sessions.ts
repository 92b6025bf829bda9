import { effectScope, outsideScopes } from '../../../src/index.js';
import { headOf, kindOf } from './statements.js';

/** What is used of Kysely's `DatabaseConnection`: one session of the pool. */
interface Session {
  executeQuery: (this: Session, statement: Statement, ...rest: unknown[]) => Promise<unknown>;
  streamQuery: (this: Session, statement: Statement, ...rest: unknown[]) => AsyncIterableIterator<unknown>;
}

interface Statement {
  readonly sql: string;
}

interface SessionOwner {
  owns(session: object): boolean;
}

type Current = () => SessionOwner | undefined;

const watched = new WeakSet<object>();

/**
 * Sees statements that reach a session of any Kysely of this process without passing the ORM's connection: those of
 * `em.getKysely()`, and of other ORMs. Writes escape the run they are in; a captured run cannot send them except
 * where all is rolled back.
 *
 * @param session Any one: all of its class are watched. @param current The rehearsal that the caller is in.
 */
export function watchSession(session: object, current: Current): void {
  const prototype = Object.getPrototypeOf(session) as Session;
  if (watched.has(prototype)) return;
  watched.add(prototype);
  const { executeQuery, streamQuery } = prototype;
  prototype.executeQuery = async function execute(statement, ...rest) {
    const wait = admit(this, statement, current);
    if (wait !== undefined) await wait;
    return outsideScopes(() => executeQuery.call(this, statement, ...rest));
  };
  prototype.streamQuery = async function* stream(statement, ...rest) {
    const wait = admit(this, statement, current);
    if (wait !== undefined) await wait;
    yield* eachOutside(streamQuery.call(this, statement, ...rest));
  };
}

/** Each step of an iterator, with effects that happen unnoted. */
export async function* eachOutside<T>(items: AsyncIterableIterator<T>): AsyncIterableIterator<T> {
  const next = () => outsideScopes(() => items.next());
  try {
    for (let each = await next(); each.done !== true; each = await next()) yield each.value;
  } finally {
    await outsideScopes(() => items.return?.());
  }
}

/** Never settles: what a run has left floating must neither go on nor fail. */
export function held(_noticed?: void): Promise<never> {
  return new Promise<never>(() => undefined);
}

/** @throws {EffectForbidden} `undefined` where nothing is to be waited for. */
function admit(session: object, { sql }: Statement, current: Current): Promise<never> | undefined {
  const scope = effectScope();
  if (scope === undefined) return undefined;
  if (!scope.isOpen && scope.mode !== 'performed') return held(scope.escape('SQL after the end of the run'));
  const kind = kindOf(sql);
  const isOwn = current()?.owns(session) === true;
  // A transaction elsewhere is begun and ended without a write.
  if (kind === 'read' || (kind === 'control' && !isOwn)) return undefined;
  const what = `SQL past the entity manager: ${headOf(sql)}`;
  scope.escape(what);
  if (scope.mode !== 'performed' && !(kind === 'write' && isOwn)) throw scope.refuse(what);
  return undefined;
}
