export {
  describeValue,
  InvalidArgument,
  InvalidEventName,
  ListenerFailed,
  RecordingFailed,
} from '../src/index.js';
