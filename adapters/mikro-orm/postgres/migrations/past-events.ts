import type { QuotedSchema } from '../schema-name.js';

/** Where one walk through history stands: columns of a record of the function. */
export interface Walk {
  /** Of events that it is about; null: all. */
  readonly types: string;
  readonly after: string;
  readonly until: string;
}

/** The next `p_limit` events of a walk. Type by type, each by its index: a rare one is not looked for among all. */
export function pastEvents(schema: QuotedSchema, { types, after, until }: Walk): string {
  const range = `position > ${after} and position <= ${until}`;
  return /* sql */ `select * from (
      (
        select position, seq from ${schema}.log
          where ${types} is null and ${range}
          order by position limit p_limit
      )
      union all
      select found.position, found.seq
        from (select distinct unnest(${types}) as type) as listed
        cross join lateral (
          select position, seq from ${schema}.log
            where log.type = listed.type and ${range}
            order by position limit p_limit
        ) as found
    ) as candidates
    order by position limit p_limit`;
}
