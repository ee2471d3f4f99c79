import type { DialogHandler } from '../signaling.js';

/** Stands in until the call layer has set its own handler: refuses what asks for a decision. */
export const idleHandler: DialogHandler = {
  onBye: () => {},
  onReinvite: (request) => request.respond(488),
  onAck: () => {},
  onRequest: (request) => request.respond(480),
  onSessionExpired: () => {},
  onDialogFailed: () => {},
};
