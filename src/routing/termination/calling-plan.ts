import { type Check, pass, refuse } from '../judgement.js';
import { countryOf } from '../numbers/index.js';

/** The country of the called number is in callingRegions, and the number is not blocked. */
export const callingPlanCheck: Check = {
  name: 'termination.calling-plan',
  run(judgement) {
    const { callingRegions, blocked } = judgement.connector!.termination!;
    const country = countryOf(judgement.called);
    const input = { number: judgement.called, country: country ?? null };
    judgement.country = country;
    if (country === undefined) {
      return refuse('termination.country-unknown', 403, 'Country of the called number cannot be told', input);
    }
    if (!callingRegions.has(country)) {
      return refuse(
        'termination.country-not-allowed',
        403,
        `Calls to ${country} are not allowed for this Voice Connector`,
        input,
      );
    }
    if (blocked.matches(judgement.called)) {
      return refuse('termination.number-blocked', 403, 'Called number is blocked for this Voice Connector', input);
    }
    return pass('The country may be called.', input);
  },
};
