/** What must hold when a run is over. `offenders` finds the event ids, or places, where it does not. */
export interface Rule {
  readonly says: string;
  readonly offenders: string;
}

/** Tables beside those of the programs: `told (verb, event_id)`, `wish (handler, event_type, effects)`. */
export const rules: readonly Rule[] = [
  {
    says: 'Nothing acknowledged is lost',
    offenders: `select event_id from told where verb = 'acknowledged'
      except select id from handover.events`,
  },
  {
    says: 'Nothing is recorded that was rolled back or refused',
    offenders: `select id from handover.events
      where id in (select event_id from told where verb in ('undone', 'refused'))`,
  },
  {
    says: 'An event commits with its row, or neither',
    offenders: `select event_id from told where verb in ('together', 'undone')
      and exists (select from booking where id = event_id)
        <> exists (select from handover.events where id = event_id)`,
  },
  {
    says: 'Nothing is recorded that nobody published',
    offenders: `select id from handover.events where type = 'Booked'
      and id not in (select event_id from told where verb in ('together', 'alone'))`,
  },
  {
    says: 'Every event is sequenced, once',
    offenders: `select id from handover.events full join handover.log using (seq)
      where events.seq is null or log.seq is null`,
  },
  { says: 'The outbox is empty', offenders: 'select seq::text from handover.outbox' },
  {
    says: 'Versions of a stream have no gaps',
    offenders: `select stream from handover.events where stream is not null
      group by stream having min(version) <> 0 or max(version) <> count(*) - 1`,
  },
  {
    says: 'The global order keeps the order of each stream',
    offenders: `select id from (
        select id, position < lag(position) over (partition by stream order by version) as is_early
          from handover.events join handover.log using (seq)
      ) as placed where is_early`,
  },
  {
    says: 'Every handler has one delivery of every event it wants',
    offenders: `select events.id from handover.events join wish on event_type = events.type
        left join handover.handlers on name = wish.handler
        left join handover.log using (seq)
        left join handover.deliveries on deliveries.handler = handlers.id and deliveries.position = log.position
      group by events.id, wish.handler having count(deliveries.position) <> 1`,
  },
  {
    says: 'Every delivery is done, but those of poison',
    offenders: `select events.id from handover.deliveries
        join handover.handlers on handlers.id = deliveries.handler join handover.events using (seq)
      where state <> case when name = 'doomed' and (data ->> 'poison')::boolean then 'dead' else 'done' end`,
  },
  {
    says: 'No lease is left',
    offenders: `select events.id from handover.deliveries join handover.events using (seq)
      where leased_until is not null or worker is not null`,
  },
  {
    says: 'Every effect on the database happens once',
    offenders: `select events.id from handover.events join wish on event_type = events.type and effects = 'database'
        left join effect on effect.handler = wish.handler and effect.event_id = events.id
      group by events.id, wish.handler, data
      having count(effect.nth)
        <> case when wish.handler = 'doomed' and (data ->> 'poison')::boolean then 0 else 1 end`,
  },
  {
    says: 'Nothing has an effect but recorded events',
    offenders: `(select event_id from effect union select event_id from told where verb = 'called')
      except select id from handover.events`,
  },
  {
    says: 'Every external call is made',
    offenders: `select id from handover.events where type = 'Booked'
      except select event_id from told where verb = 'called'`,
  },
  {
    says: 'Every further event is published once',
    offenders: `select booked.id from handover.events as booked
        left join handover.events as echoed on echoed.type = 'Echoed' and echoed.data ->> 'of' = booked.id
      where booked.type = 'Booked'
      group by booked.id, booked.data
      having count(echoed.id) <> case when (booked.data ->> 'echoes')::boolean then 1 else 0 end`,
  },
  {
    says: 'Effects of one key happen in the global order',
    offenders: `select id from (
        select id, position < lag(position) over (partition by data ->> 'account' order by nth) as is_late
          from effect join handover.events on events.id = effect.event_id join handover.log using (seq)
          where effect.handler = 'ordered'
      ) as acted where is_late`,
  },
];

/** What the handlers of `handlers.ts` are subscribed to. */
export const wishes: readonly (readonly [handler: string, eventType: string, effects: string])[] = [
  ['row', 'Booked', 'database'],
  ['ordered', 'Booked', 'database'],
  ['flaky', 'Booked', 'database'],
  ['slow', 'Booked', 'database'],
  ['doomed', 'Booked', 'database'],
  ['external', 'Booked', 'external'],
  ['echo', 'Echoed', 'database'],
];
