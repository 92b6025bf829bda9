import type { Stage } from '../../legacy/index.js';

/** In the order in which a pair goes through them. */
export const stageNames: readonly Stage[] = ['legacy', 'record', 'shadow', 'live', 'handler', 'retired'];
