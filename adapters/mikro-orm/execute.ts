/** Sends one statement with bound parameters (`$1`, `$2` …) and gives back its rows. */
export type Execute = <Row>(
  statement: string,
  parameters: readonly unknown[],
  /** Of a statement that is sent often: where sessions are known, each parses it once, under this name. */
  name?: string,
) => Promise<readonly Row[]>;

/** The two ways to the database. */
export interface Connections {
  /** Within the open transaction of this async context, where there is one. */
  readonly joined: Execute;
  /** On a pooled connection of its own, whatever is open; each statement commits by itself. */
  readonly apart: Execute;
}
