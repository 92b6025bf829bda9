import { MikroORM, defineEntity, p } from '@mikro-orm/postgresql';
import { ignoreHandoverSchema, mikroOrmLog } from 'handover/mikro-orm';
import { nextOrder, tellParent } from '../../support/processes-parent.js';

const Nothing = defineEntity({ name: 'Nothing', properties: { id: p.integer().primary() } });
const [clientUrl = ''] = process.argv.slice(2);
const orm = await MikroORM.init({ ...ignoreHandoverSchema(), entities: [Nothing], clientUrl });

const stop = await mikroOrmLog(orm).deliveries?.listen(() => tellParent('woken'));
tellParent('listening');
await nextOrder();
process.stdin.unref();
await stop?.();
await orm.close(true);
