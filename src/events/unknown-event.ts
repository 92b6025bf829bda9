import { Event, type EventOptions } from './event.js';

/** An event whose type has no class in this store: data and metadata are intact, only the class is missing. */
export class UnknownEvent extends Event {
  constructor(type: string, data: unknown = {}, options?: EventOptions) {
    super(type, data, options);
  }
}
