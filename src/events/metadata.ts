/**
 * What is known about an event beside its data. Any JSON value under any key; the two named here are kept by the
 * store: events published while a handler runs continue its correlation.
 */
export interface Metadata {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly [key: string]: unknown;
}
