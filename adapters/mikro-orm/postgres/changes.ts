import { DuplicateEvent, EventNotFound } from '../../../src/index.js';
import type { EventLog, Link } from '../../../src/index.js';
import { recordJson, wrongVersion } from './append.js';
import type { Database } from './database.js';
import { isStorable } from './parameters.js';

type Changes = Pick<EventLog, 'link' | 'deleteStream' | 'overwrite'>;

/** What the function `link` gives back. */
interface Answer {
  readonly missing?: string;
  readonly duplicate?: string;
  readonly conflict?: number;
}

export function changes(database: Database): Changes {
  const { schema } = database;

  return {
    async link(link) {
      await database.settle();
      if (link.eventIds.length === 0) return;
      const unheardOf = link.eventIds.find((id) => !isStorable(id));
      if (unheardOf !== undefined) throw new EventNotFound(unheardOf);
      const { stream, expected, eventIds: ids } = link;
      const [row] = await database.writing(ids)<{ answer: string }>(
        `select ${schema}.link($1::json)::text as answer`,
        [JSON.stringify({ stream, expected, ids })],
      );
      throwRefusal(link, JSON.parse(row?.answer ?? '{}') as Answer);
    },

    async deleteStream(stream) {
      await database.settle();
      if (!isStorable(stream)) return;
      await database.writing([])(`select ${schema}.delete_stream($1)`, [stream]);
    },

    async overwrite(records) {
      await database.settle();
      if (records.length === 0) return;
      const ids = records.map((record) => record.id);
      const unheardOf = ids.find((id) => !isStorable(id));
      if (unheardOf !== undefined) throw new EventNotFound(unheardOf);
      const [row] = await database.writing(ids)<{ missing: string | null }>(
        `select ${schema}.overwrite($1::json) as missing`,
        [`[${records.map(recordJson).join(',')}]`],
      );
      if (typeof row?.missing === 'string') throw new EventNotFound(row.missing);
    },
  };
}

function throwRefusal({ stream, expected }: Link, { missing, duplicate, conflict }: Answer): void {
  if (missing !== undefined) throw new EventNotFound(missing);
  if (duplicate !== undefined) throw new DuplicateEvent(duplicate, stream);
  if (conflict !== undefined) throw wrongVersion(stream, expected, conflict);
}
