import type { Event, Metadata } from '../../src/index.js';
import { isStage, type Side, type Stage } from './stage.js';

/** Which side performs an event: decided once, before it is appended, and kept in its metadata. */
export interface Decision {
  readonly stage: Stage;
  readonly performs: Side;
  /** Whether the other side is captured and both are compared. */
  readonly compared: boolean;
  /** Whether the listener, which performs, is then compared with itself. */
  readonly measured?: true | undefined;
}

/** Key of the metadata, which holds decisions by the name of their pair. */
const key = 'pairs';

export function decisionsAsMetadata(decisions: ReadonlyMap<string, Decision>): Metadata {
  return { [key]: Object.fromEntries(decisions) };
}

/** `undefined`: the event was appended before the pair was declared, or elsewhere. */
export function storedDecision(event: Event, pair: string): Decision | undefined {
  const decisions: unknown = event.metadata[key];
  if (typeof decisions !== 'object' || decisions === null || !Object.hasOwn(decisions, pair))
    return undefined;
  const decision: unknown = Reflect.get(decisions, pair);
  return isDecision(decision) ? decision : undefined;
}

function isDecision(value: unknown): value is Decision {
  if (typeof value !== 'object' || value === null) return false;
  const { stage, performs, compared } = value as Partial<Record<keyof Decision, unknown>>;
  return (
    isStage(stage) && (performs === 'listener' || performs === 'handler') && typeof compared === 'boolean'
  );
}
