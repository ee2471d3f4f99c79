import type { SignalingHandler } from '../signaling.js';

/** Answers 503 until the call layer has set its own handler. */
export const refusingHandler: SignalingHandler = {
  onInvite: (leg) => leg.respond(503),
  onRequest: (request) => request.respond(503),
};
