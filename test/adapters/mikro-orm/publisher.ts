import { defineEntity, MikroORM, p } from '@mikro-orm/postgresql';
import { defineEvent, EventStore } from 'handover';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { nextOrder, tellParent } from '../../support/processes-parent.js';

class Noted extends defineEvent<{ note: number }>('Noted') {}

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });
const [clientUrl = ''] = process.argv.slice(2);
const orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], clientUrl });
const store = new EventStore({ log: mikroOrmLog(orm) });

const [event] = await store.publish(new Noted({ note: 1 }));
tellParent(event?.id ?? '');
const order = await nextOrder();
process.stdin.unref();
if (order === 'close') await store.close();
await orm.close(true);
tellParent(process.getActiveResourcesInfo().includes('Timeout') ? 'a timer is left' : 'no timer is left');
