import { capacityCheck } from '../capacity.js';
import { type Check, unlessPlanned } from '../judgement.js';
import { assignmentCheck, originationCheck } from './assignment.js';
import { inboundNumberCheck } from './number.js';
import { inboundOfferCheck } from './offer.js';
import { proxyCheck } from './proxy.js';

/** Inbound: design §4, in its order; the carrier is known by then. */
export const INBOUND_CHECKS: readonly Check[] = [
  inboundOfferCheck,
  inboundNumberCheck,
  proxyCheck,
  unlessPlanned(assignmentCheck, 'Skipped: proxy session.'),
  unlessPlanned(originationCheck, 'Skipped: proxy session.'),
  capacityCheck('inbound.capacity'),
];
