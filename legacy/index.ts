export { createBus } from './create-bus.js';
export type { Bus, PublisherMixin, Subscribe } from './bus.js';
export type { OpenPublisher, PublisherClass, PublisherMembers } from './publisher.js';
export type { SubscribeOptions } from './object-registration.js';
export type { EventFilter } from './event-filter.js';
export type { Scope } from './scope.js';
export type { CatchAllListener } from './listener-method.js';
export { type Broadcaster, type Broadcasters, sendBroadcaster } from './broadcaster.js';
export type { Configuration } from './configuration.js';
export { type Logger, loggerBroadcaster, LoggerBroadcaster } from './logger-broadcaster.js';
export type { BacklogOptions } from './backlog.js';
export type { ConnectOptions } from './connection.js';
export type { EventMap, EventMapping } from './event-mapping.js';
export { pair } from './pairs/declare-pair.js';
export type { Condition, Evidence, GateOptions } from './pairs/gate.js';
export type { ExpectedDifference } from './pairs/comparison.js';
export type { Difference } from './pairs/differences.js';
export type { Fault, FaultKind } from './pairs/fault.js';
export type { Flags } from './pairs/flag-stages.js';
export type { Phantom } from './phantoms.js';
export type { Observation } from './pairs/observation.js';
export type { Pair } from './pairs/pair.js';
export {
  MovedMeanwhile,
  PairBrokenOff,
  PromotionRefused,
  StageSkipped,
  StageUnknown,
} from './pairs/pair-errors.js';
export { PairJudged, PairMoved, PairNoiseMeasured } from './pairs/pair-events.js';
export type { PairOptions } from './pairs/pair-options.js';
export type { NoiseReport, NoisyPath } from './pairs/noise-report.js';
export type { Finding, PairReport } from './pairs/pair-report.js';
export type { MoveOptions } from './pairs/promotions.js';
export type { Side, Stage, Standing } from './pairs/stage.js';
export type { Verdict, VerdictKind } from './pairs/verdict.js';
export { effectPort } from '../src/index.js';
export { type Emitter, recordEmitter } from './record-emitter.js';
