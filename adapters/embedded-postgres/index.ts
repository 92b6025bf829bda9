export { findSystemBinaries } from './binaries.js';
export { PostgresStartFailed } from './postgres-start-failed.js';
export { startPostgres } from './start-postgres.js';
export type { EmbeddedPostgres, PostgresOptions } from './start-postgres.js';
