import type { StandardSchemaV1 } from '@standard-schema/spec';
import { InvalidPayload } from '../errors/event-errors.js';
import { printPath } from './path.js';

type Result = StandardSchemaV1.Result<unknown>;
type Issue = StandardSchemaV1.Issue;

const shownIssues = 3;
const longestMessage = 200;

/**
 * Runs any Standard Schema validator (zod, valibot, arktype …) on an event's data.
 *
 * @returns The validator's output, which may differ from `data`; a promise of it only when the validator is asynchronous.
 * @throws {InvalidPayload} `path` is the first issue's and `reason` names up to three; or the validator itself
 *   threw, which is the `cause`. An asynchronous validator's promise rejects with the same.
 */
export function validate(eventType: string, schema: StandardSchemaV1, data: unknown): unknown {
  let outcome: unknown;
  try {
    outcome = schema['~standard'].validate(data);
  } catch (cause) {
    throw validatorFailed(eventType, cause);
  }
  return isThenable(outcome) ? settle(eventType, outcome) : unwrap(eventType, outcome);
}

async function settle(eventType: string, outcome: PromiseLike<unknown>): Promise<unknown> {
  let result: unknown;
  try {
    result = await outcome;
  } catch (cause) {
    throw validatorFailed(eventType, cause);
  }
  return unwrap(eventType, result);
}

function unwrap(eventType: string, result: unknown): unknown {
  if (!isResult(result)) throw validatorFailed(eventType, new TypeError('The validator returned no result.'));
  if (!result.issues) return result.value;
  const [first] = result.issues;
  throw new InvalidPayload(
    eventType,
    first === undefined ? '$' : pathOf(first),
    describeIssues(result.issues),
    'Make the data fit the schema that `defineEvent` was given, or change the schema and raise its `version`.',
  );
}

function describeIssues(issues: readonly Issue[]): string {
  const [first] = issues;
  if (first === undefined) return 'the schema refuses the value without a reason';
  if (issues.length === 1) return `the schema refuses the value (${messageOf(first)})`;
  const shown = issues.slice(0, shownIssues).map((issue) => `${pathOf(issue)}: ${messageOf(issue)}`);
  const hidden = issues.length - shown.length;
  const list = hidden > 0 ? [...shown, `and ${hidden} more`] : shown;
  return `the schema has ${issues.length} complaints (${list.join('; ')}), the first`;
}

function pathOf(issue: Issue): string {
  const keys = (issue.path ?? []).map((segment) => (typeof segment === 'object' ? segment.key : segment));
  return printPath('$', keys);
}

function messageOf({ message }: Issue): string {
  return message.length > longestMessage ? `${message.slice(0, longestMessage)}…` : message;
}

function validatorFailed(eventType: string, cause: unknown): InvalidPayload {
  return new InvalidPayload(
    eventType,
    '$',
    'the validator of its schema threw',
    'Mend the validator; see `cause`.',
    cause,
  );
}

function isThenable(outcome: unknown): outcome is PromiseLike<unknown> {
  return typeof outcome === 'object' && outcome !== null && 'then' in outcome;
}

function isResult(result: unknown): result is Result {
  return typeof result === 'object' && result !== null;
}
