import { type Check, pass, refuse } from '../judgement.js';
import { printable, readNumber } from '../numbers/index.js';

/** The called number is E.164 (or national, where the connector allows it); else 484 Address Incomplete. */
export const numberCheck: Check = {
  name: 'termination.number',
  run(judgement) {
    const { scheme, user } = judgement.facts.requestUri;
    const { nationalNumbersOf } = judgement.connector!.termination!;
    const reading = readNumber(user, nationalNumbersOf);
    if (reading.kind !== 'e164') {
      const input = { scheme, user: printable(user) };
      return refuse('termination.number-incomplete', 484, 'Called number is not in E.164 format', input);
    }
    const { number } = reading;
    judgement.called = number;
    const input = { scheme, user: user === number ? number : printable(user), number };
    return pass('The called number is E.164.', input);
  },
};
