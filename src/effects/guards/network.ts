import dgram from 'node:dgram';
import { channel } from 'node:diagnostics_channel';
import type { ClientRequest } from 'node:http';
import net from 'node:net';
import { effectScope, outsideScopes } from '../effect-scope.js';
import { besidePorts, refused } from './beside-ports.js';
import { all, replaced } from './replaced.js';

type Method = (...args: unknown[]) => unknown;

/**
 * Notices what goes over the network. A captured run cannot fetch, request or connect. What it writes to a connection
 * that is open already is noticed only: a client that talks over it would never recover from a lost write.
 */
export function guardNetwork(): () => void {
  return all([
    replaced(globalThis, 'fetch', guardedFetch),
    heard('undici:request:create', ({ request }) => {
      const { origin, method } = request as { readonly origin?: unknown; readonly method?: unknown };
      besidePorts(`request ${String(method)} ${String(origin)}`);
    }),
    heard('http.client.request.created', ({ request }) => refuseRequest(request as ClientRequest)),
    heard('http2.client.stream.created', () => void besidePorts('HTTP/2 request')),
    replaced(net.Socket.prototype, 'connect', guardedConnect),
    replaced(net.Socket.prototype, 'write', noticedWrite),
    replaced(net.Socket.prototype, 'end', noticedEnd),
    replaced(dgram.Socket.prototype, 'send', guardedSend),
  ]);
}

function heard(name: string, hear: (message: Record<string, unknown>) => void): () => void {
  const listener = (message: unknown): void => hear(message as Record<string, unknown>);
  channel(name).subscribe(listener);
  return () => {
    channel(name).unsubscribe(listener);
  };
}

function guardedFetch(original: typeof fetch): typeof fetch {
  return (input, init) => {
    const error = besidePorts(`fetch ${hostOf(input)}`);
    return error === undefined ? outsideScopes(() => original(input, init)) : refused(error);
  };
}

/** Without the path and query, which may hold secrets. */
function hostOf(input: unknown): string {
  const url = typeof input === 'object' && input !== null && 'url' in input ? input.url : input;
  return URL.parse(String(url))?.origin ?? 'somewhere';
}

function refuseRequest(request: ClientRequest): void {
  const error = besidePorts(`request ${request.method} ${request.protocol}//${request.host}`);
  if (error === undefined) return;
  request.on('error', () => undefined);
  request.destroy(error);
}

function guardedConnect(original: Method): Method {
  return function connect(this: net.Socket, ...args) {
    const error = besidePorts(`connection to ${targetOf(args)}`);
    if (error === undefined) return Reflect.apply(original, this, args);
    this.on('error', () => undefined);
    this.destroy(error);
    return this;
  };
}

/** Arguments of `connect` are options, a path, or a port and host; `net.connect` passes them as one list. */
function targetOf(args: readonly unknown[]): string {
  const [first, second] = Array.isArray(args[0]) ? (args[0] as readonly unknown[]) : args;
  if (typeof first !== 'object' || first === null) return [second, first].filter(isNameOrPort).join(':');
  const { host, port, path } = first as Readonly<Record<string, unknown>>;
  return (typeof path === 'string' ? [path] : [host, port].filter(isNameOrPort)).join(':');
}

function isNameOrPort(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number';
}

function noticedWrite(original: Method): Method {
  return function write(this: net.Socket, ...args) {
    notice(this);
    return Reflect.apply(original, this, args);
  };
}

function noticedEnd(original: Method): Method {
  return function end(this: net.Socket, ...args) {
    if (args[0] !== undefined && typeof args[0] !== 'function') notice(this);
    return Reflect.apply(original, this, args);
  };
}

function notice(socket: net.Socket): void {
  if (effectScope() === undefined) return;
  // Node marks its own standard output and error so, where they are pipes or terminals.
  if (Reflect.get(socket, '_isStdio') === true) return;
  besidePorts(
    `write to ${[socket.remoteAddress ?? 'a socket', socket.remotePort].filter(isNameOrPort).join(':')}`,
  );
}

function guardedSend(original: Method): Method {
  return function send(this: dgram.Socket, ...args) {
    const error = besidePorts('datagram');
    if (error === undefined) return Reflect.apply(original, this, args);
    const callback = args.at(-1);
    // Without one it is lost, as datagrams may be.
    if (typeof callback === 'function') process.nextTick(callback, error);
    return undefined;
  };
}
