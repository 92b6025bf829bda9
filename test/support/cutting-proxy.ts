import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** Stands between a client and PostgreSQL, and cuts the connection at a COMMIT. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** The next COMMIT: `unsent` never reaches the server, `unanswered` does, and only its answer is lost. */
  cutNextCommit(when: 'unsent' | 'unanswered'): void;
}

export async function cuttingProxy(target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let cut: 'unsent' | 'unanswered' | undefined;

  const server = createServer((client) => {
    const upstream = connect(Number(port || 5432), hostname);
    let committing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket.on('error', () => undefined));
      socket.on('close', () => sockets.delete(socket));
    }
    const sever = () => {
      client.destroy();
      upstream.destroy();
    };
    client.on('data', (data) => {
      committing = data.includes('commit\0');
      if (committing && cut === 'unsent') {
        cut = undefined;
        sever();
      } else upstream.write(data);
    });
    upstream.on('data', (data) => {
      if (committing && cut === 'unanswered') {
        cut = undefined;
        sever();
      } else client.write(data);
    });
    client.on('close', sever);
    upstream.on('close', sever);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    cutNextCommit(when) {
      cut = when;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
