export { run, type Terminal } from './program.js';
export type { Application, Configured } from './application.js';
