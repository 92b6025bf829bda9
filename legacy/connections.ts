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
import type { Pairs } from './pairs/pairs.js';
import type { Phantoms } from './phantoms.js';
import type { Recorder } from './recorder.js';
import type { Unattended } from './unattended.js';

interface Witnesses {
  readonly pairs: Pairs;
  readonly phantoms: Phantoms;
  readonly unattended: Unattended;
}

/** The store a bus records to; one at a time. */
export function createConnections(
  dispatcher: Dispatcher,
  failures: Failures,
  { pairs, phantoms, unattended }: Witnesses,
): Pick<Bus, 'connect' | 'settled' | 'record'> {
  const all: Connection[] = [];
  let current: Connection | undefined;

  function report(error: Error): void {
    if (error instanceof RecordingFailed) pairs.notRecorded(current?.eventClassOf(error.eventName));
    failures.report(error);
  }

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
      {
        deliver: (name, args, event) => dispatcher.deliver(name, args, event),
        enlisted: (event) => phantoms.watch(event),
        rolledBack: (event) => {
          phantoms.rolledBack(event);
          pairs.rolledBack(event);
        },
        report,
        wait: () => unattended.wait(),
      },
      options,
    );
    current = connection;
    all.push(connection);
    const endPairs = pairs.connect(store, {
      argsOf: (eventClass, event) => connection.argsOf(eventClass, event),
      isHeard: (event) => connection.isHeard(event),
    });
    dispatcher.recordWith(watched(connection, pairs));
    return () => {
      if (current !== connection) return;
      current = undefined;
      dispatcher.recordWith(undefined);
      connection.end();
      endPairs();
    };
  }

  return {
    connect,
    async settled() {
      do for (const connection of all) await connection.settled();
      while (await unattended.wait());
      for (const pair of pairs.all) await pair.settled();
    },
    record(publisher, eventName, args) {
      try {
        current?.record({ publisher, eventName: checkEventName(eventName), args });
      } catch (error) {
        if (error instanceof PublishedInReplay) throw error;
        report(new RecordingFailed(eventName, error));
      }
    },
  };
}

/** Pairs know of each broadcast before its listeners do. */
function watched(recorder: Recorder, pairs: Pairs): Recorder {
  return {
    record(broadcast) {
      const event = recorder.record(broadcast);
      if (event !== undefined) pairs.broadcasts(event);
      return event;
    },
    recordFor(broadcast, hear) {
      const recorded = recorder.recordFor(broadcast, hear);
      if (recorded.event !== undefined) pairs.broadcasts(recorded.event);
      return recorded;
    },
  };
}
