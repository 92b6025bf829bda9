import { HandoverError } from './handover-error.js';

/** An option or argument is not what the call takes. Nothing was done. */
export class InvalidArgument extends HandoverError {
  readonly code = 'invalid_argument';
  readonly argument: string;
  readonly received: unknown;

  /**
   * @param argument The name as the caller wrote it, for example `limit`.
   * @param wanted Completes "to be …", for example `a whole number from 1`.
   */
  constructor(argument: string, wanted: string, received: unknown, remedy = `Pass another \`${argument}\`.`) {
    super(`Expected \`${argument}\` to be ${wanted}, got ${describeValue(received)}.`, remedy);
    this.argument = argument;
    this.received = received;
  }
}

/** A stream name that the store does not take. */
export class InvalidStreamName extends HandoverError {
  readonly code = 'invalid_stream_name';
  readonly stream: unknown;
  readonly reason: string;

  constructor(stream: unknown, reason: string) {
    super(
      `The stream name ${describeValue(stream)} ${reason}.`,
      'Use 1 to 255 bytes of UTF-8 (NFC) without control characters and without a leading `$`, such as `Order-42`.',
    );
    this.stream = stream;
    this.reason = reason;
  }
}

/** A name of an event or a broadcast that the library does not take. */
export class InvalidEventName extends HandoverError {
  readonly code = 'invalid_event_name';
  readonly eventName: unknown;
  readonly reason: string;

  constructor(eventName: unknown, reason: string) {
    super(
      `The event name ${describeValue(eventName)} ${reason}.`,
      'Start with a letter; go on with letters, digits, `_`, `.`, `:`, `/` or `-`, 200 characters at most; names of Object.prototype and `then` are refused.',
    );
    this.eventName = eventName;
    this.reason = reason;
  }
}

/** One short line for any value, safe to put into a message. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value));
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `function ${value.name}`;
  if (typeof value === 'symbol' || typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `an array of ${value.length}`;
  const maker: unknown = Object.getPrototypeOf(value)?.constructor;
  return typeof maker === 'function' && maker !== Object ? `an instance of ${maker.name}` : 'an object';
}

/** The message of anything that was thrown, also of what is no error. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : describeValue(thrown);
}

function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}
