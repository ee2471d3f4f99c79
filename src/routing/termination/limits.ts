import { type Check, pass, refuse } from '../judgement.js';
import { jitteredRetrySeconds } from '../retry-after.js';

/** Calls per second (token bucket, burst of one second) and calls at once of the connector. */
export const cpsCheck: Check = {
  name: 'termination.cps',
  run({ connector, live, random }) {
    const { cpsLimit } = connector!.termination!;
    const tokens = live.callTokens('connector', connector!.id);
    const input = { cpsLimit, tokens };
    if (tokens >= 1) return pass('Within the calls per second.', input);
    const retryAfterSeconds = jitteredRetrySeconds(random);
    return refuse('termination.cps-exceeded', 503, 'Calls per second limit reached', input, { retryAfterSeconds });
  },
};

export const concurrencyCheck: Check = {
  name: 'termination.concurrency',
  run({ connector, live, random }) {
    const { maxCalls } = connector!.termination!;
    const activeCalls = live.activeCalls('connector', connector!.id);
    const input = { maxCalls, activeCalls };
    if (activeCalls < maxCalls) return pass('Within the calls at once.', input);
    const retryAfterSeconds = jitteredRetrySeconds(random);
    return refuse('termination.concurrency-exceeded', 503, 'Concurrent call limit reached', input, {
      retryAfterSeconds,
    });
  },
};
