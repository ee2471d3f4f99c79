import { type Check, pass, refuse } from './judgement.js';
import { jitteredRetrySeconds } from './retry-after.js';

/** The node itself: not draining, not overloaded, a media port pair free. Emergency calls need only the ports. */
export function capacityCheck(name: string): Check {
  return {
    name,
    run({ live, random, emergency }) {
      const { draining, overloaded, mediaPortsFree } = live;
      const input = { draining, overloaded, mediaPortsFree };
      const full = (code: string, reason: string) =>
        refuse(code, 503, reason, input, { retryAfterSeconds: jitteredRetrySeconds(random) });
      if (draining && !emergency) return full('node.draining', 'This node is being taken out of service');
      if (overloaded && !emergency) return full('node.overloaded', 'This node is overloaded');
      if (mediaPortsFree < 1) return full('media.no-port', 'No media port is free');
      return pass('The node has room.', input);
    },
  };
}
