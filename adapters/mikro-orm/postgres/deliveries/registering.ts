import type { DeliveryLog, HandlerRegistration } from '../../../../src/index.js';
import type { Database } from '../database.js';
import { isStorable } from '../parameters.js';
import { prepared } from '../prepared.js';
import { sequence } from '../sequence.js';

type Registering = Pick<DeliveryLog, 'register' | 'sequence' | 'sequenceAll' | 'registrations'>;

interface HandlerRow {
  readonly name: string;
  readonly types_json: string | null;
  readonly starts_from: 'now' | 'beginning';
  readonly attempts: number;
  readonly ordered: boolean;
}

interface Step {
  readonly moved: number | null;
  readonly past: number | null;
  readonly again: number | null;
}

const batch = 1_000;
/** Of one call, so that history keeps nobody for long: what it creates wakes workers, and they sequence again. */
const maxBatches = 20;

/**
 * What new handlers get of the past comes in batches, each a transaction of its own: the first with their
 * registration, the others whenever somebody sequences, from where the last one left off.
 */
export function registering(database: Database): Registering {
  const { schema, query, apart } = database;

  const selectHandlers = /* sql */ `
select name, to_json(types)::text as types_json, starts_from, attempts, ordered from ${schema}.handlers order by name`;

  const oneStep =
    prepared(`select ${schema}.try_sequence($1::int) as moved, ${schema}.backfill($1::int) as past,
  ${schema}.advance_replay($1::int) as again`);

  /** One step on each way. `null`: nothing left, or somebody else is at it. */
  const advance = async () => {
    const [step] = await apart<Step>(oneStep.text, [batch], oneStep.name);
    return step ?? { moved: null, past: null, again: null };
  };

  const sequenceSome = async () => {
    let moved = 0;
    for (let round = 0; round < maxBatches; round += 1) {
      const step = await advance();
      moved += step.moved ?? 0;
      if ((step.moved ?? 0) < batch && step.past === null && step.again === null) break;
    }
    return moved;
  };

  return {
    async register(handlers) {
      if (handlers.length === 0) return;
      await sequence(apart, schema);
      await apart(`select ${schema}.register($1::json)`, [JSON.stringify(handlers.map(handlerRow))]);
      await sequenceSome();
    },

    sequence: sequenceSome,

    sequenceAll: () => sequence(apart, schema),

    async registrations() {
      const rows = await query<HandlerRow>(selectHandlers, []);
      return rows.map(({ name, types_json: types, starts_from: from, attempts, ordered }) => ({
        name,
        types: types === null ? undefined : (JSON.parse(types) as string[]),
        from,
        attempts,
        ordered,
      }));
    },
  };
}

/** No event has a type that cannot be stored. */
function handlerRow({ name, types, from, attempts, ordered }: HandlerRegistration) {
  return { name, types: types?.filter(isStorable), attempts, starts_from: from, ordered };
}
