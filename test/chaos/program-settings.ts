/** What the coordinator tells a publisher or worker on its command line. */
export interface ProgramSettings {
  readonly url: string;
  /** For the journals. */
  readonly folder: string;
  /** Of the scheduler's Redis; `undefined`: each worker takes its own. */
  readonly redis: string | undefined;
  readonly seed: number;
  /** Milliseconds. */
  readonly leaseFor: number;
  /** Whether a publisher knows the queued handlers, and so sequences what it has committed. */
  readonly knowsHandlers: boolean;
}

export function settingsFrom([, , json = '']: readonly string[]): ProgramSettings {
  return JSON.parse(json) as ProgramSettings;
}
