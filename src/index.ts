export { defineEvent } from './events/define-event.js';
export { isEventClass } from './events/define-event.js';
export type { DefinedEvent, EventClass, EventDefinition, EventType } from './events/define-event.js';
export { Event } from './events/event.js';
export type { EventOptions } from './events/event.js';
export { checkEventName } from './events/event-name.js';
export type { ExpectedVersion, RequiredVersion } from './events/expected-version.js';
export type { Metadata } from './events/metadata.js';
export { checkStreamName } from './events/stream-name.js';
export { UnknownEvent } from './events/unknown-event.js';

export { EventStore } from './store/event-store.js';
export type { Recorded } from './store/event-store.js';
export type { LinkOptions } from './store/stream-changes.js';
export type { EventStoreOptions } from './store/options.js';
export type { Publication } from './store/publication.js';
export type { Reader } from './store/reader.js';
export type { Series } from './log/group-commit.js';
export type { BackgroundSource, Recording } from './store/recording.js';
export type { TemporarySubscriptions } from './store/temporary-subscriptions.js';

export type {
  DeclaredHandler,
  DeclaredOptions,
  Handler,
  HandlerClass,
  HandlerFactory,
  HandlerFunction,
  HandlerObject,
  SubscribeOptions,
} from './delivery/handler.js';
export type { DeadLetters } from './delivery/dead-letters.js';
export type * from './delivery/delivery-log.js';
export type { Delivery, HandlerContext } from './delivery/handler-context.js';
export { Handles } from './delivery/handles.js';
export type { EventOf, HandlesOptions } from './delivery/handles.js';
export type { QueuedOptions } from './delivery/queued-options.js';
export type { ReplayOptions, Replays, RunningReplay } from './delivery/replays.js';
export type * from './delivery/scheduler.js';
export type { Around } from './delivery/subscription.js';
export type { Backoff } from './delivery/retry-policy.js';
export type { ReplayProgress, WatchedReplay, WatchOptions } from './delivery/watched-replay.js';
export type { Why, WhyEvent, WhyHandler } from './delivery/why.js';
export type { ShutdownSignal } from './delivery/worker/signals.js';
export type { WorkOptions } from './delivery/worker/worker-options.js';
export type { Worker } from './delivery/worker/worker.js';

export { effectQueue } from './effects/effect-queue.js';
export type { JobQueue } from './effects/effect-queue.js';
export { effectPort } from './effects/effect-port.js';
export type { EffectPortOptions, MethodsOf } from './effects/effect-port.js';
export { effectName, madeKey, madeKeyPattern } from './effects/effect.js';
export type { Effect, EffectKind, RowUndo } from './effects/effect.js';
export { effectScope, EffectScope, outsideScopes, runInScope } from './effects/effect-scope.js';
export type { EffectMode, EffectScopeOptions, Escape } from './effects/effect-scope.js';
export type * from './effects/effect-witness.js';
export { FrozenWorld } from './effects/frozen-world.js';
export { guardEffects } from './effects/guards/guard-effects.js';
export { comparableIn } from './effects/held-back.js';
export { snapshot } from './effects/snapshot.js';

export type * from './log/event-log.js';
export { memoryLog } from './log/memory/memory-log.js';
export type { MemoryLog, MemoryLogOptions } from './log/memory/memory-log.js';
export type { PublishOptions } from './log/publish-options.js';
export { TransactionScope } from './log/transaction-scope.js';
export type { WriteAppends } from './log/transaction-scope.js';
export type { Transaction, TransactionEntry, Transactions } from './log/transactions.js';

export type { Upcast, Upcasts } from './mapping/upcast.js';

export {
  describeValue,
  InvalidArgument,
  InvalidEventName,
  InvalidStreamName,
} from './errors/argument-errors.js';
export {
  DeliveryLost,
  HandlerTimedOut,
  UnexpectedEventType,
  WorkerStopped,
} from './errors/delivery-errors.js';
export {
  DuplicateEventType,
  InvalidEvent,
  InvalidPayload,
  PayloadTooLarge,
  UpcastFailed,
} from './errors/event-errors.js';
export {
  DuplicateHandler,
  HandlerFailed,
  HandlersFailed,
  HandlersTooDeep,
  InvalidHandler,
} from './errors/handler-errors.js';
export { EffectForbidden } from './errors/effect-errors.js';
export { ErrorReports } from './errors/error-reports.js';
export { HandoverError } from './errors/handover-error.js';
export { checkKnownOptions } from './errors/known-options.js';
export { BacklogFull, ListenerFailed, RecordingFailed, UnmappedBroadcast } from './errors/legacy-errors.js';
export {
  DuplicateEvent,
  EventNotFound,
  HistoryPurged,
  LogUnavailable,
  SchemaOutdated,
  TransactionMismatch,
  TransactionTooLarge,
  UnknownCommitOutcome,
  WrongExpectedVersion,
} from './errors/log-errors.js';
export { PublishedInReplay, ReplayRefused } from './errors/replay-errors.js';
export type { ReplayRefusal } from './errors/replay-errors.js';
