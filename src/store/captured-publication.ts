import { isDeepStrictEqual } from 'node:util';
import type { Effect } from '../effects/effect.js';
import type { EffectScope } from '../effects/effect-scope.js';
import { comparableIn, isHeldBack } from '../effects/held-back.js';
import type { Metadata } from '../events/metadata.js';
import { place, type PreparedEvent, type Publication } from './publication.js';

type EventEffect = Extract<Effect, { kind: 'event' }>;

/** How an event reaches others: `append` tells nobody. */
export type Announcement = 'published' | 'appended';

/** Notes the events as effects of the run they are published in. True when they must not be recorded. */
export function isCaptured(publication: Publication, announcement: Announcement): boolean {
  const { events, append, context } = publication;
  const verb = announcement === 'published' ? 'publish' : 'append';
  const isCapturedHere = isHeldBack(`${verb}(${events[0]?.type ?? ''})`, (scope) =>
    events.map((event, index) => ({
      ...effectOf(scope, { event, record: append.records[index], around: context.metadata }),
      stream: append.stream,
      ...(announcement === 'appended' && { appended: true }),
    })),
  );
  if (isCapturedHere) place(publication, { firstVersion: undefined, timestamp: new Date() });
  return isCapturedHere;
}

interface Noted {
  readonly event: PreparedEvent['event'];
  readonly record: PreparedEvent['record'] | undefined;
  readonly around: Metadata;
}

/** Of the store itself, on either side. */
const added: readonly string[] = ['correlationId', 'causationId', 'pairs'];

/** What its publisher has said of it. What stands around the run, such as the metadata of a request, is none of its doing. */
function effectOf(
  scope: EffectScope,
  { event: { type, data, metadata }, record, around }: Noted,
): Omit<EventEffect, 'stream'> {
  const given = Object.fromEntries(
    Object.entries(metadata).filter(
      ([key, value]) => !added.includes(key) && !isDeepStrictEqual(around[key], value),
    ),
  );
  const [ofData, ofMetadata, validAt] = comparableIn(scope, [data, given, record?.validAt]);
  return {
    kind: 'event',
    type,
    data: ofData,
    ...(Object.keys(given).length > 0 && { metadata: ofMetadata }),
    ...(validAt !== undefined && { validAt }),
  };
}
