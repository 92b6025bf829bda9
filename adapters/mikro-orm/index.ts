export { mikroOrmLog } from './mikro-orm-log.js';
export type { MikroOrmLogOptions } from './mikro-orm-log.js';
export { ignoreHandoverSchema } from './schema-guard.js';
export { DatabaseTooOld } from './postgres/database-too-old.js';
export type {
  Changes,
  PropertiesChange,
  PropertyChange,
  PropertyPath,
  SeenValue,
} from './lifecycle/changes.js';
export type { CollectionChange } from './lifecycle/collection-changes.js';
export type { ChangeKind } from './lifecycle/entity-change.js';
export { EntityEventFailed } from './lifecycle/entity-event-failed.js';
export { entityEvents } from './lifecycle/entity-events.js';
export type { OnEntity } from './lifecycle/entity-events.js';
export type { EntityEventOptions, EntityRules, Made } from './lifecycle/entity-rules.js';
export { ModelBroadcastFailed } from './lifecycle/model-broadcast-failed.js';
export { modelBroadcasts } from './lifecycle/model-broadcasts.js';
export type { ModelBroadcastsOptions, ModelClass } from './lifecycle/model-broadcasts.js';
