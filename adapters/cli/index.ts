export { run, type Terminal } from './program.js';
export type { Application } from './application.js';
