import { type Check, pass, refuse } from '../judgement.js';
import { encryptionFor, unusableOffer } from '../offer.js';

/** The carrier's offer, against the encryption its resource asks for. */
export const inboundOfferCheck: Check = {
  name: 'inbound.offer',
  run(judgement) {
    const { facts, carrier } = judgement;
    const required = carrier!.resource.encryption === 'required';
    const input = { offer: facts.offer, required };
    if (facts.offer === 'unusable') return unusableOffer(input);
    if (required && facts.offer === 'RTP/AVP') {
      return refuse('inbound.srtp-required', 488, 'Calls of this carrier require SRTP (RTP/SAVP)', input, {
        warning: 304,
      });
    }
    judgement.encryptionOfCaller = encryptionFor(facts.offer, required);
    return pass('The offer is usable.', input);
  },
};
