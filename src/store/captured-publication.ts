import type { Effect } from '../effects/effect.js';
import type { EffectScope } from '../effects/effect-scope.js';
import { comparableIn, isHeldBack } from '../effects/held-back.js';
import { place, type PreparedEvent, type Publication } from './publication.js';

type EventEffect = Extract<Effect, { kind: 'event' }>;

/** How an event reaches others: `append` tells nobody. */
export type Announcement = 'published' | 'appended';

/** Notes the events as effects of the run they are published in. True when they must not be recorded. */
export function isCaptured(publication: Publication, announcement: Announcement): boolean {
  const { events, append } = publication;
  const verb = announcement === 'published' ? 'publish' : 'append';
  const isCapturedHere = isHeldBack(`${verb}(${events[0]?.type ?? ''})`, (scope) =>
    events.map((event, index) => ({
      ...effectOf(scope, event, append.records[index]),
      stream: append.stream,
      ...(announcement === 'appended' && { appended: true }),
    })),
  );
  if (isCapturedHere) place(publication, { firstVersion: undefined, timestamp: new Date() });
  return isCapturedHere;
}

/** What its publisher has said of it; what the store adds is its own on either side. */
function effectOf(
  scope: EffectScope,
  { type, data, metadata }: PreparedEvent['event'],
  record: PreparedEvent['record'] | undefined,
): Omit<EventEffect, 'stream'> {
  const { correlationId: _correlation, causationId: _causation, pairs: _pairs, ...given } = metadata;
  const [ofData, ofMetadata, validAt] = comparableIn(scope, [data, given, record?.validAt]);
  return {
    kind: 'event',
    type,
    data: ofData,
    ...(Object.keys(given).length > 0 && { metadata: ofMetadata }),
    ...(validAt !== undefined && { validAt }),
  };
}
