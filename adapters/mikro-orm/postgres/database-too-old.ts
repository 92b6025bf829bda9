import { HandoverError } from '../../../src/index.js';

/** The PostgreSQL server lacks what the log needs. Nothing was created. */
export class DatabaseTooOld extends HandoverError {
  readonly code = 'database_too_old';
  /** As `server_version_num` says it: `120022` for 12.22. */
  readonly found: number;
  readonly wanted: number;

  constructor(found: number, wanted: number) {
    super(
      `The PostgreSQL server has version ${Math.floor(found / 10_000)}.`,
      `Use PostgreSQL ${Math.floor(wanted / 10_000)} or newer.`,
    );
    this.found = found;
    this.wanted = wanted;
  }
}
