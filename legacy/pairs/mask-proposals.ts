import type { Difference } from './differences.js';
import { isPlace, partsOf, pathOf } from './field-path.js';

/** The first field of a call is one of its arguments, which have nothing in common with each other. */
const firstInner = 2;

/**
 * The narrowest masks for places that differ: a place in an array becomes `*` only where several places of it differ.
 * Where one side has an element more, the array itself; none for a field or an effect that only one side has.
 */
export function proposeMasks(differences: readonly Difference[]): readonly string[] {
  const places = differences.map(placeToMask).filter((parts) => parts !== undefined);
  const longest = Math.max(0, ...places.map(({ length }) => length));
  let masks = distinct(places);
  for (let at = firstInner; at < longest; at += 1) masks = generalised(masks, at);
  const paths = masks.map(pathOf);
  return paths.filter((path) => !paths.some((other) => path.startsWith(`${other} `))).toSorted();
}

function placeToMask({ path, ...sides }: Difference): readonly string[] | undefined {
  const parts = partsOf(path);
  if (parts.length < firstInner) return undefined;
  if ('listener' in sides && 'handler' in sides) return parts;
  return parts.length > firstInner && isPlace(parts.at(-1) ?? '') ? parts.slice(0, -1) : undefined;
}

function generalised(masks: readonly (readonly string[])[], at: number): readonly (readonly string[])[] {
  const groups = Map.groupBy(masks, (parts) =>
    isPlace(parts[at] ?? '') ? pathOf(parts.with(at, '*')) : pathOf(parts),
  );
  return Array.from(groups, ([path, group]) => (group.length > 1 ? partsOf(path) : (group[0] ?? [])));
}

function distinct(places: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return [...new Set(places.map(pathOf))].map(partsOf);
}
