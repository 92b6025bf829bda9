import { appendFile, chown, mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account } from './account.js';
import type { Binaries } from './binaries.js';
import { run } from './command.js';
import { PostgresStartFailed } from './postgres-start-failed.js';

/**
 * - `none` (default): nothing waits for a disk, and the data lie in memory where the system offers that. Committed
 *   rows outlive a crash of the server, not one of the machine.
 * - `full`: as in production; on disk, and every commit waits for it.
 */
export type Durability = 'none' | 'full';

export interface Place {
  /** The server's log, and its binaries when they had to be copied. */
  readonly home: string;
  readonly data: string;
  /** What to remove in the end. */
  readonly folders: readonly string[];
  readonly account: Account | undefined;
}

const prefix = 'handover-postgres-';
const memory = '/dev/shm';
const roomInMemory = 2 * 1024 ** 3;

export async function makePlace(
  durability: Durability,
  account: Account | undefined,
  parent: string | undefined,
): Promise<Place> {
  const home = await makeFolder(parent ?? tmpdir(), account);
  const inMemory = parent === undefined && durability === 'none' && (await hasRoom(memory));
  if (!inMemory) return { home, data: join(home, 'data'), folders: [home], account };
  const fast = await makeFolder(memory, account);
  return { home, data: join(fast, 'data'), folders: [home, fast], account };
}

export async function initialise(
  { home, data, account }: Place,
  binaries: Binaries,
  durability: Durability,
  settings: Readonly<Record<string, string>>,
): Promise<void> {
  const flags = ['-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];
  const made = await run(join(binaries.folder, 'initdb'), ['-D', data, ...flags], { account, cwd: home });
  if (!made.succeeded) {
    throw new PostgresStartFailed(
      `initdb failed in ${data}`,
      'Check that the folder is writable for the server’s user and that there is room for 100 MB.',
      made.output,
    );
  }
  const all = { ...reachability, ...(durability === 'none' ? undurable : {}), ...settings };
  await appendFile(join(data, 'postgresql.conf'), `\n${Object.entries(all).map(asLine).join('\n')}\n`);
}

const reachability = { listen_addresses: '127.0.0.1', unix_socket_directories: '' };

/** `synchronous_commit` stays on: without it a crash of the server alone would lose committed rows. */
const undurable = { fsync: 'off', full_page_writes: 'off', dynamic_shared_memory_type: 'mmap' };

function asLine([name, value]: [string, string]): string {
  return `${name} = '${value.replaceAll("'", "''")}'`;
}

async function makeFolder(parent: string, account: Account | undefined): Promise<string> {
  const folder = await mkdtemp(join(parent, prefix));
  if (account !== undefined) await chown(folder, account.uid, account.gid);
  return folder;
}

/** Containers often offer only 64 MB there, which PostgreSQL outgrows at once. */
async function hasRoom(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize >= roomInMemory;
  } catch {
    return false;
  }
}
