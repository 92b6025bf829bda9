import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent } from 'handover';
import { ignoreHandoverSchema } from 'handover/mikro-orm';

export class Noted extends defineEvent<{ note: number }>('Noted') {}

export const Trace = defineEntity({
  name: 'HazardTrace',
  tableName: 'hazard_trace',
  properties: { id: p.string().primary() },
});

export function connectTraces(clientUrl: string): Promise<MikroORM> {
  return MikroORM.init({ ...ignoreHandoverSchema(), entities: [Trace], clientUrl, pool: { max: 20 } });
}

export const insertTrace = 'insert into hazard_trace values (?)';
