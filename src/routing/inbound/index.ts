import { capacityCheck } from '../capacity.js';
import type { Check } from '../judgement.js';
import { assignmentCheck, originationCheck } from './assignment.js';
import { inboundNumberCheck } from './number.js';
import { inboundOfferCheck } from './offer.js';

/** Inbound: design §4, in its order; the carrier is known by then. */
export const INBOUND_CHECKS: readonly Check[] = [
  inboundOfferCheck,
  inboundNumberCheck,
  assignmentCheck,
  originationCheck,
  capacityCheck('inbound.capacity'),
];
