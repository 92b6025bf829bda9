import { createHash } from 'node:crypto';
import type { MikroORM } from '@mikro-orm/postgresql';
import { Comment } from './app/entities/comment.js';
import { entities } from './app/entities/entities.js';
import { FeedEntry } from './app/entities/feed-entry.js';
import { Repository } from './app/entities/repository.js';
import type { Listeners } from './app/listeners/listeners.js';

/** What the listeners of one run have done, by what they do. */
export type Effects = Readonly<Record<string, readonly unknown[]>>;

export interface Comparison {
  readonly effect: string;
  readonly before: number;
  readonly after: number;
  readonly equal: boolean;
  /** Of everything that is behind the two numbers. */
  readonly fingerprint: string;
  /** The first thing that differs. */
  readonly difference: { readonly before: string; readonly after: string } | undefined;
}

export async function collectEffects(orm: MikroORM, listeners: Listeners): Promise<Effects> {
  const em = orm.em.fork();
  const spam = await em.find(Comment, { spam: true }, { orderBy: { id: 'asc' } });
  const repositories = await em.find(Repository, {}, { orderBy: { id: 'asc' } });
  const feed = await em.find(FeedEntry, {}, { orderBy: { id: 'asc' } });
  const { notifier, graph, writes } = listeners;
  return {
    'mails to authors': [...notifier.mailbox],
    'comments marked as spam': spam.map(({ id, body }) => ({ id, body })),
    'repository counters': repositories.map(({ id, opened, closed, commented, reviewed }) => {
      return { id, opened, closed, commented, reviewed };
    }),
    'activity feed lines': feed.map(({ repository, text, at }) => ({ repository, text, at })),
    'contribution graph days': [...graph.days],
    'write statistics': [...writes.fields, ...writes.joined],
    'rows of the application': await applicationRows(orm),
  };
}

/** Everything else that the application has stored, table by table. */
async function applicationRows(orm: MikroORM): Promise<readonly unknown[]> {
  const em = orm.em.fork();
  const rows: unknown[] = [];
  for (const entity of entities) {
    const { tableName: table } = orm.getMetadata<object>(entity);
    const found = await em.execute<{ row: unknown }[]>(
      `select to_jsonb(t) as row from ${table} t order by id`,
    );
    rows.push(...found.map(({ row }) => ({ table, row })));
  }
  return rows;
}

export function compareEffects(before: Effects, after: Effects): readonly Comparison[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].map((effect) => compare(effect, before[effect] ?? [], after[effect] ?? []));
}

function compare(effect: string, before: readonly unknown[], after: readonly unknown[]): Comparison {
  const [left, right] = [before.map(canonical), after.map(canonical)];
  const longer = left.length > right.length ? left : right;
  const place = longer.findIndex((_, index) => left[index] !== right[index]);
  const nothing = '(nothing)';
  return {
    effect,
    before: before.length,
    after: after.length,
    equal: place === -1,
    fingerprint: createHash('sha256').update(right.join('\n')).digest('hex').slice(0, 8),
    difference: place === -1 ? undefined : { before: left[place] ?? nothing, after: right[place] ?? nothing },
  };
}

/** JSON whose keys are sorted, so that equal things are equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)));
  });
}
