import { HandoverError } from '../../src/index.js';

/** A command cannot do what it was asked for. */
export class CommandFailed extends HandoverError {
  readonly code = 'command_failed';

  // oxlint-disable-next-line no-useless-constructor -- that of the family is protected
  constructor(problem: string, remedy: string) {
    super(problem, remedy);
  }
}
