import { describe, expect, it } from '@jest/globals';
import { defineEvent, Event, EventStore, memoryLog, UnknownEvent, type EventClass } from 'handover';
import { z } from 'zod';
import { errorOf, PriceUpdated, QuoteArchived, QuoteCompleted } from '../store/sample-events.js';

const made = (data: Record<string, unknown>, id = 'x') => new QuoteArchived(data, { id });

const invalid = (work: () => unknown, field: object) =>
  expect(errorOf(work)).resolves.toMatchObject({ ...field, message: expect.stringContaining('→') });

describe('an event', () => {
  // R1, R2
  it('has a UUIDv7, its type, its data and empty metadata unless it is given others', () => {
    const event = new QuoteCompleted({ quoteId: '42' });
    expect(event.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(event).toMatchObject({ type: 'QuoteCompleted', data: { quoteId: '42' }, metadata: {} });
    expect(event).toMatchObject({ stream: undefined, version: undefined, position: undefined });
  });

  it('takes id, metadata, timestamp and validAt', () => {
    const timestamp = new Date('2026-01-01');
    const validAt = new Date('2025-12-31');
    const event = new QuoteArchived({}, { id: 'x', metadata: { actor: 'u1' }, timestamp, validAt });
    expect(event).toMatchObject({ id: 'x', metadata: { actor: 'u1' }, timestamp, validAt });
  });

  it('has empty data where its class asks for none', () => {
    expect(new QuoteArchived().data).toEqual({});
  });

  it('is stored under the type it was defined with, whatever its class is called', async () => {
    const Renamed = class extends defineEvent('QuoteSent') {};
    expect(Renamed.type).toBe('QuoteSent');
    const store = new EventStore();
    await store.publish(new Renamed());
    expect((await store.read.first())?.type).toBe('QuoteSent');
  });

  // R3
  it('equals another one of the same type, id and data, in whatever order its keys stand', () => {
    const event = made({ a: 1, b: { c: 2, d: 3 } });
    expect(event.equals(made({ b: { d: 3, c: 2 }, a: 1 }))).toBe(true);
    expect(event.equals(new QuoteArchived(event.data, { id: 'x', metadata: { actor: 'u1' } }))).toBe(true);
    expect(event.equals(made({ a: 1 }))).toBe(false);
    expect(event.equals(made({ a: 1, b: { c: 2, d: 3 } }, 'y'))).toBe(false);
    expect(event.equals(new Event('Other', event.data, { id: 'x' }))).toBe(false);
    expect(event.equals(undefined)).toBe(false);
  });

  it('equals what is read back of it', async () => {
    const store = new EventStore();
    const event = new QuoteArchived({ at: new Date(0), list: [1, { b: 1 }] });
    const [recorded] = await store.publish(event);
    expect(event.equals(recorded)).toBe(true);
    expect(event.equals(await store.read.first())).toBe(true);
  });

  // R4
  it('takes over correlation from another one, or starts it with its id', () => {
    const cause = new QuoteCompleted({ quoteId: '1' });
    const event = new QuoteArchived({}, { metadata: { actor: 'u1' } });
    expect(event.correlateWith(cause)).toBe(event);
    expect(event.metadata).toEqual({ actor: 'u1', correlationId: cause.id, causationId: cause.id });
    const next = new QuoteArchived().correlateWith(event);
    expect([next.correlationId, next.causationId]).toEqual([cause.id, event.id]);
  });

  it('turns into JSON although positions are bigints', async () => {
    const store = new EventStore();
    await store.publish(new QuoteCompleted({ quoteId: '1' }, { id: 'x' }), { stream: 'Quote-1' });
    const json: unknown = JSON.parse(JSON.stringify(await store.read.first()));
    expect(json).toMatchObject({ id: 'x', stream: 'Quote-1', version: 0, position: expect.any(String) });
  });

  it('refuses ids, times and types that could not be stored', async () => {
    for (const id of ['', 'x'.repeat(256), 'a\0b', '\ud800']) {
      await invalid(() => new QuoteArchived({}, { id }), { code: 'invalid_argument', argument: 'id' });
    }
    const timestamp = new Date('never');
    await invalid(() => new QuoteArchived({}, { timestamp }), { code: 'invalid_argument' });
    await invalid(() => new QuoteArchived({}, { validAt: timestamp }), { argument: 'validAt' });
    // Hazards H20.
    for (const name of ['', '1st', 'a b', '_x', 'constructor', '__proto__', 'then', 'x'.repeat(201), 'ü']) {
      await invalid(() => defineEvent(name), { code: 'invalid_event_name', eventName: name });
    }
  });
});

describe('an event class', () => {
  it('refuses a schema that is no validator, and a version that is no whole number', async () => {
    const notASchema = { parse: () => undefined } as unknown as typeof PriceUpdated.schema;
    expect(await errorOf(() => defineEvent('X', notASchema as never))).toMatchObject({ argument: 'schema' });
    for (const version of [0, 1.5, 32_768, Number.NaN]) {
      expect(await errorOf(() => defineEvent('X', undefined, { version }))).toMatchObject({
        argument: 'version',
      });
    }
  });

  it('stores what its schema puts out, not what was passed in', async () => {
    class Named extends defineEvent('Named', z.object({ name: z.string().trim(), age: z.coerce.number() })) {}
    const store = new EventStore();
    const [recorded] = await store.publish(new Named({ name: ' Ada ', age: '36' }));
    expect(recorded?.data).toEqual({ name: 'Ada', age: 36 });
    expect((await store.read.first())?.data).toEqual({ name: 'Ada', age: 36 });
  });

  it('may have an asynchronous schema', async () => {
    const slow = z
      .object({ name: z.string() })
      .transform(async ({ name }) => ({ upper: name.toUpperCase() }));
    class Slow extends defineEvent('Slow', slow) {}
    const store = new EventStore();
    const [first, second] = await store.publish([new Slow({ name: 'a' }), new Slow({ name: 'b' })]);
    expect([first?.data, second?.data]).toEqual([{ upper: 'A' }, { upper: 'B' }]);
  });

  it('refuses data that its schema refuses, with the path, and stores nothing', async () => {
    const store = new EventStore();
    const wrong = new PriceUpdated({ catalogItemId: '7', priceNow: 'cheap' as unknown as number });
    expect(await errorOf(() => store.publish([new QuoteArchived(), wrong]))).toMatchObject({
      code: 'invalid_payload',
      eventType: 'PriceUpdated',
      path: '$.priceNow',
    });
    const refusing = z.object({ id: z.string().refine(async () => false, 'is taken') });
    class Taken extends defineEvent('Taken', refusing) {}
    expect(await errorOf(() => store.publish(new Taken({ id: '1' })))).toMatchObject({ path: '$.id' });
    expect(await store.read.count()).toBe(0);
  });

  it('is the only one of its type in a store', async () => {
    const store = new EventStore({ events: [QuoteCompleted] });
    class Impostor extends defineEvent('QuoteCompleted') {}
    const refused = { code: 'duplicate_event_type', eventType: 'QuoteCompleted' };
    expect(await errorOf(() => store.publish(new Impostor()))).toMatchObject(refused);
    expect(await errorOf(() => store.subscribe(() => {}, { to: [Impostor] }))).toMatchObject(refused);
    expect(await errorOf(() => store.read.ofType(Impostor))).toMatchObject(refused);
    expect(await errorOf(() => store.register(Impostor))).toMatchObject(refused);
    expect(await errorOf(() => new EventStore({ events: [QuoteCompleted, Impostor] }))).toMatchObject(
      refused,
    );
    expect(await store.read.count()).toBe(0);
  });
});

describe('reading a stored event back', () => {
  // R8
  it('gives an UnknownEvent with everything intact when no class has its type', async () => {
    const { store, reopened } = await recordedElsewhere(
      new QuoteCompleted({ quoteId: '1' }, { metadata: { at: new Date(0) } }),
    );
    const unknown = await reopened().read.first();
    expect(unknown).toBeInstanceOf(UnknownEvent);
    expect(unknown).toMatchObject({ type: 'QuoteCompleted', data: { quoteId: '1' } });
    expect(unknown?.metadata['at']).toEqual(new Date(0));
    expect(unknown?.metadata).toEqual((await store.read.first())?.metadata);
  });

  it('gives an instance of the class that the store was told of, without running its constructor', async () => {
    let constructed = 0;
    class Counted extends defineEvent('Counted') {
      constructor() {
        super({});
        constructed += 1;
      }
    }
    const { reopened } = await recordedElsewhere(new Counted());
    expect(await reopened([Counted]).read.first()).toBeInstanceOf(Counted);
    expect(constructed).toBe(1);
  });

  it('brings older shapes up to date, step by step, and leaves the stored one as it is', async () => {
    class V1 extends defineEvent<{ name: string }>('Renamed') {}
    class V3 extends defineEvent<{ first: string; last: string; at: Date }>('Renamed', undefined, {
      version: 3,
      upcast: {
        1: (data) => ({ names: (data as { name: string }).name.split(' ') }),
        2: (data) => {
          const [first, last] = (data as { names: string[] }).names;
          return { first, last, at: new Date(0) };
        },
      },
    }) {}
    const { store, reopened } = await recordedElsewhere(new V1({ name: 'Ada Lovelace' }));
    const event = await reopened([V3]).read.ofType(V3).first();
    expect(event?.data).toEqual({ first: 'Ada', last: 'Lovelace', at: new Date(0) });
    expect(Object.isFrozen(event?.data)).toBe(true);
    expect((await store.read.first())?.data).toEqual({ name: 'Ada Lovelace' });
  });

  it('fails with the event and its version when a step is missing', async () => {
    class V1 extends defineEvent('Renamed') {}
    class V2 extends defineEvent('Renamed', undefined, { version: 2 }) {}
    const { reopened } = await recordedElsewhere(new V1({}, { id: 'x' }));
    expect(await errorOf(() => reopened([V2]).read.first())).toMatchObject({
      code: 'upcast_failed',
      eventId: 'x',
      storedVersion: 1,
    });
  });
});

/** A store with one event in it, and further stores over the same log which know other classes. */
async function recordedElsewhere(event: Event) {
  const log = memoryLog();
  const store = new EventStore({ log });
  await store.publish(event);
  return { store, reopened: (events: EventClass[] = []) => new EventStore({ log, events }) };
}
