import type { Publication } from './publication.js';

/** Who hears of a publication: the difference between `publish` and `append`. */
export interface Audience {
  /** True when some of it must hear inside the transaction that writes it. */
  needsTransaction(publication: Publication): boolean;
  /** Tells the others, once it is committed. */
  announce(publication: Publication): Promise<void>;
}
