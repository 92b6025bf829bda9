import type { Effect } from '../../src/index.js';
import { between, type Difference } from './differences.js';
import { masked } from './masks.js';
import { asMultisets } from './multisets.js';

export function inOrder(listener: readonly Effect[], handler: readonly Effect[]): readonly Difference[] {
  return Array.from({ length: Math.max(listener.length, handler.length) }).flatMap((_, place) =>
    between(listener[place], handler[place]),
  );
}

/**
 * Of changed rows: the changes of one row meet in their order, for the last one tells what becomes of it; those of
 * different rows meet whatever their order.
 */
export function asRows(listener: readonly Effect[], handler: readonly Effect[]): readonly Difference[] {
  const left = Map.groupBy(listener, rowOf);
  const right = Map.groupBy(handler, rowOf);
  const isOrdered = (effect: Effect): boolean => {
    const row = rowOf(effect);
    const [one, other] = [left.get(row)?.length ?? 0, right.get(row)?.length ?? 0];
    return row !== undefined && one > 0 && other > 0 && one + other > 2;
  };
  const rows = new Set([...listener, ...handler].filter(isOrdered).map(rowOf));
  const [restLeft, restRight] = [listener, handler].map((side) => side.filter((each) => !isOrdered(each)));
  return [
    ...[...rows].flatMap((row) => inOrder(left.get(row) ?? [], right.get(row) ?? [])),
    ...asMultisets(restLeft ?? [], restRight ?? []),
  ];
}

/** `undefined` where nobody can tell which row it is. */
function rowOf(effect: Effect): string | undefined {
  if (effect.kind !== 'row' || effect.key === null || effect.key === undefined) return undefined;
  const row = JSON.stringify([effect.table, effect.key]);
  return row.includes(JSON.stringify(masked)) ? undefined : row;
}
