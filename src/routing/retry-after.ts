import { below, type Random } from '../core/index.js';

/** Retry-After of a limit that is full: 1 to 5 seconds, drawn, so that callers do not come back together. */
export const jitteredRetrySeconds = (random: Random): number => 1 + below(random, 5);
