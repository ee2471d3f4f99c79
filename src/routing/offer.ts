import { type Check, type Judgement, pass, type RefusalResult, refuse } from './judgement.js';
import type { RequestFacts } from './types.js';

/** The offer's media, against what the caller's side must or may use. Warning 304: RFC 3261 §20.43. */

type Offer = RequestFacts['offer'];

/** How the caller's leg is answered: as he offered; a late offer (none) is ours to make. */
export const encryptionFor = (offer: Offer, required: boolean): Judgement['encryptionOfCaller'] =>
  required || offer === 'RTP/SAVP' ? 'required' : offer === 'both' ? 'offered' : 'off';

export const unusableOffer = (input: Readonly<Record<string, unknown>>): RefusalResult =>
  refuse('media.unusable-offer', 488, 'No usable audio in the offer', input, { warning: 304 });

/** A required connector: TLS, and an offer of RTP/SAVP only (or none: then ours is). */
export const encryptionCheck: Check = {
  name: 'termination.encryption',
  run(judgement) {
    const { facts, connector } = judgement;
    const required = connector!.requireEncryption;
    const { protocol } = facts.source;
    const input = { required, protocol, offer: facts.offer };
    if (required && protocol !== 'TLS' && protocol !== 'WSS') {
      return refuse('termination.tls-required', 403, 'This Voice Connector requires TLS', input);
    }
    if (facts.offer === 'unusable') return unusableOffer(input);
    if (required && facts.offer !== 'RTP/SAVP' && facts.offer !== 'none') {
      return refuse('termination.srtp-required', 488, 'This Voice Connector requires SRTP (RTP/SAVP)', input, {
        warning: 304,
      });
    }
    judgement.encryptionOfCaller = encryptionFor(facts.offer, required);
    return pass(required ? 'TLS and SRTP, as required.' : 'Encryption is not required.', input);
  },
};
