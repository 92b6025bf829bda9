export interface PayloadLimits {
  /** Bytes of UTF-8 that one payload may take as JSON, {@link largestPayload} at most. */
  readonly maxBytes: number;
  /** How many objects and arrays may stand within each other. */
  readonly maxDepth: number;
}

/** 16 MiB. A larger `maxBytes` counts as this. PostgreSQL itself refuses a JSON string of 256 MiB. */
export const largestPayload = 16 * 1_048_576;

/** 1 MiB and 64 levels. */
export const defaultLimits: PayloadLimits = { maxBytes: 1_048_576, maxDepth: 64 };
