import { isHeldBack } from '../effects/held-back.js';
import { snapshot } from '../effects/snapshot.js';
import { place, type Publication } from './publication.js';

/** Notes the events as effects of the run they are published in. True when they must not be recorded. */
export function isCaptured(publication: Publication): boolean {
  const { events, append } = publication;
  const isCapturedHere = isHeldBack(`publish(${events[0]?.type ?? ''})`, () =>
    events.map(({ type, data }) => ({ kind: 'event', type, stream: append.stream, data: snapshot(data) })),
  );
  if (isCapturedHere) place(publication, { firstVersion: undefined, timestamp: new Date() });
  return isCapturedHere;
}
