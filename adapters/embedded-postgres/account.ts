import { run } from './command.js';
import { PostgresStartFailed } from './postgres-start-failed.js';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Whom the server runs as: PostgreSQL refuses root. `undefined` stands for the current user. */
export async function serverAccount(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const account = (await accountOf('postgres')) ?? (await accountOf('nobody'));
  if (account !== undefined) return account;
  throw new PostgresStartFailed(
    'it refuses to run as root, and there is no user `postgres` or `nobody` to run as',
    'Add one of these users, or run as a normal user.',
  );
}

async function accountOf(name: string): Promise<Account | undefined> {
  const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
  return uid.succeeded && gid.succeeded ? { uid: Number(uid.output), gid: Number(gid.output) } : undefined;
}
