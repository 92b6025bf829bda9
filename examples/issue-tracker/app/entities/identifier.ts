import { BigIntType } from '@mikro-orm/core';

/** GitHub's ids are larger than PostgreSQL's integer and smaller than what a double holds exactly. */
export const identifier = new BigIntType('number');
