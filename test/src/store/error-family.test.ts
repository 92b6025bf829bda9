import { describe, expect, it } from '@jest/globals';
import * as handover from 'handover';

const { HandoverError } = handover;

type Failure = Error & { readonly code: string };

const at = { type: 'OrderPlaced', id: '1' };
const failed = new handover.HandlerFailed('mailer', at, new Error('down'));

const samples: readonly Failure[] = [
  new handover.InvalidArgument('limit', 'a whole number', -1),
  new handover.InvalidEventName('x', 'is odd'),
  new handover.InvalidStreamName('x', 'is odd'),
  new handover.DuplicateEventType('OrderPlaced'),
  new handover.InvalidEvent(null),
  new handover.InvalidPayload('OrderPlaced', '$.a', 'a Map', 'Store an object.'),
  new handover.PayloadTooLarge('OrderPlaced', 2, 1),
  new handover.UpcastFailed('OrderPlaced', '1', 1, 'a step is missing'),
  new handover.DeliveryLost('mailer', '1'),
  new handover.HandlerTimedOut('mailer', '1', 10),
  new handover.UnexpectedEventType('mailer', 'OrderPlaced'),
  new handover.WorkerStopped(),
  new handover.DuplicateHandler('mailer'),
  new handover.EffectForbidden('mailer.send'),
  failed,
  new handover.HandlersFailed([failed]),
  new handover.HandlersTooDeep(['A', 'B']),
  new handover.InvalidHandler({}, 'It is none.', 'Pass a function.'),
  new handover.PublishedInReplay('mailer', 'OrderPlaced'),
  new handover.ReplayRefused('mailer', 'reaction'),
  new handover.BacklogFull(10),
  new handover.ListenerFailed('order_placed', 'Mailer', new Error('down')),
  new handover.RecordingFailed('order_placed', new Error('down')),
  new handover.UnmappedBroadcast('order_placed'),
  new handover.DuplicateEvent('1'),
  new handover.EventNotFound('1'),
  new handover.HistoryPurged(1n, 2n),
  new handover.LogUnavailable(new Error('down')),
  new handover.SchemaOutdated('handover', 1, 2),
  new handover.TransactionMismatch('Not this one.'),
  new handover.TransactionTooLarge(10),
  new handover.UnknownCommitOutcome(['1']),
  new handover.WrongExpectedVersion('Order-1', 0, 1),
];

describe('the error family', () => {
  it('is complete here', () => {
    const exported = Object.values(handover).filter(
      (each) => typeof each === 'function' && each.prototype instanceof Error && each !== HandoverError,
    );
    expect(exported.length).toBeGreaterThan(20);
    expect(new Set(samples.map((each) => each.constructor))).toEqual(new Set(exported));
  });

  it.each(samples.map((each) => [each.name, each] as const))(
    'holds %s, which says what to do next',
    (name, error) => {
      expect(error).toBeInstanceOf(HandoverError);
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(error.constructor.name);
      expect(name).not.toBe('Error');
      expect(error.code).toMatch(/^[a-z]+(_[a-z]+)*$/);
      expect(error.message).toMatch(/^[^\n]+\n {2}→ \S.*[.)]$/);
    },
  );

  it('gives each member a code of its own', () => {
    expect(new Set(samples.map((each) => each.code)).size).toBe(samples.length);
  });

  it('has HandlersFailed as an AggregateError among them', () => {
    const error = new handover.HandlersFailed([failed]);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error.errors).toEqual([failed]);
  });

  it('takes in no stranger', () => {
    expect(new Error('x')).not.toBeInstanceOf(HandoverError);
    expect(new AggregateError([])).not.toBeInstanceOf(HandoverError);
    expect({ code: 'invalid_event' }).not.toBeInstanceOf(HandoverError);
    expect(failed).not.toBeInstanceOf(handover.InvalidEvent);
  });
});
