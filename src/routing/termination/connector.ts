import { type Check, pass, refuse } from '../judgement.js';

/** The connector places calls at all: termination is set and enabled. */
export const connectorCheck: Check = {
  name: 'termination.connector',
  run({ connector }) {
    const input = { voiceConnectorId: connector!.id };
    if (!connector!.termination) {
      return refuse('termination.not-configured', 403, 'Termination is not configured for this Voice Connector', input);
    }
    if (connector!.termination.disabled) {
      return refuse('termination.disabled', 403, 'Termination is disabled for this Voice Connector', input);
    }
    return pass('Termination is enabled.', input);
  },
};
