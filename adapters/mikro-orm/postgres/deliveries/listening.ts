import { setTimeout as pause } from 'node:timers/promises';

/** What is used of a `pg` client. */
export interface ListenClient {
  connect(): Promise<unknown>;
  query(statement: string): Promise<unknown>;
  on(event: 'notification' | 'error' | 'end', listener: () => void): unknown;
  end(): Promise<void>;
  readonly connection?: { readonly stream?: { destroy(): void } };
}

/** A client that is not connected yet, with a connection of its own; `undefined` where there can be none. */
export type OpenListenClient = () => Promise<ListenClient | undefined>;

const firstPause = 100;
const longestPause = 10_000;
const longestGoodbye = 1_000;

/**
 * Calls `wake` for each notification on `channel`, and once after each reconnection for what was told meanwhile.
 * Resolves when it listens, or has found that it cannot for now; then it goes on trying.
 *
 * @returns What ends the listening and closes the connection.
 */
export async function listen(
  open: OpenListenClient,
  channel: string,
  wake: () => void,
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const stopped = Promise.withResolvers<'stopped'>();
  const tried = Promise.withResolvers<void>();
  const wakeUp = () => {
    if (!stop.signal.aborted) wake();
  };

  const keepListening = async () => {
    let failures = 0;
    for (let reconnecting = false; !stop.signal.aborted; reconnecting = true) {
      failures += 1;
      const listening = () => {
        failures = 0;
        tried.resolve();
        if (reconnecting) wakeUp();
      };
      const client = await Promise.race([open(), stopped.promise]).catch(() => 'failed' as const);
      if (client === undefined) return;
      if (typeof client === 'object') {
        await listenOn(client, channel, { notified: wakeUp, listening, stopped: stopped.promise });
      }
      tried.resolve();
      await pauseUnless(stopped.promise, Math.random() * Math.min(longestPause, firstPause * 2 ** failures));
    }
  };

  const ended = keepListening().finally(tried.resolve);
  await tried.promise;
  return async () => {
    stop.abort();
    stopped.resolve('stopped');
    await ended;
  };
}

interface Session {
  readonly notified: () => void;
  readonly listening: () => void;
  readonly stopped: Promise<unknown>;
}

/** Resolves when the connection is closed, whatever closed it. */
async function listenOn(
  client: ListenClient,
  channel: string,
  { notified, listening, stopped }: Session,
): Promise<void> {
  const lost = Promise.withResolvers<void>();
  client.on('error', lost.resolve);
  client.on('end', lost.resolve);
  client.on('notification', notified);
  const begin = async () => {
    await client.connect();
    await client.query(`listen "${channel}"`);
    listening();
  };
  begin().catch(lost.resolve);
  await Promise.race([lost.promise, stopped]);
  await pauseUnless(
    client.end().catch(() => undefined),
    longestGoodbye,
  );
  client.connection?.stream?.destroy();
}

async function pauseUnless(over: Promise<unknown>, milliseconds: number): Promise<void> {
  const timer = new AbortController();
  const paused = pause(milliseconds, undefined, { signal: timer.signal, ref: false }).catch(() => undefined);
  await Promise.race([paused, over]);
  timer.abort();
}
