import {
  checkEventName,
  checkKnownOptions,
  EventStore,
  InvalidArgument,
  PublishedInReplay,
  RecordingFailed,
} from '../src/index.js';
import type { Bus } from './bus.js';
import { Connection, type ConnectOptions } from './connection.js';
import type { Dispatcher } from './dispatcher.js';
import type { Failures } from './failures.js';

/** The store a bus records to; one at a time. */
export function createConnections(
  dispatcher: Dispatcher,
  failures: Failures,
): Pick<Bus, 'connect' | 'settled' | 'record'> {
  const all: Connection[] = [];
  let current: Connection | undefined;

  function connect(store: EventStore, options: ConnectOptions = {}): () => void {
    if (current !== undefined) {
      throw new InvalidArgument(
        'bus',
        'connected to one store at a time',
        'a second one',
        'Call what the first `connect` returned, then connect again.',
      );
    }
    if (!(store instanceof EventStore)) {
      throw new InvalidArgument('store', 'an EventStore', store, 'Write `bus.connect(new EventStore(…))`.');
    }
    checkKnownOptions(
      options,
      ['events', 'unmapped', 'backlog'],
      '`{ events: { order_placed: OrderPlaced } }`',
    );
    const connection = new Connection(
      store,
      { deliver: (name, args) => dispatcher.deliver(name, args), report: (error) => failures.report(error) },
      options,
    );
    current = connection;
    all.push(connection);
    dispatcher.recordWith(connection);
    return () => {
      if (current !== connection) return;
      current = undefined;
      dispatcher.recordWith(undefined);
      connection.end();
    };
  }

  return {
    connect,
    async settled() {
      for (const connection of all) await connection.settled();
    },
    record(publisher, eventName, args) {
      try {
        current?.record({ publisher, eventName: checkEventName(eventName), args });
      } catch (error) {
        if (error instanceof PublishedInReplay) throw error;
        failures.report(new RecordingFailed(eventName, error));
      }
    },
  };
}
