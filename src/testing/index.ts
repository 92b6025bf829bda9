export { captureEvents } from './capture-events.js';
export { memoryLog } from '../log/memory/memory-log.js';
