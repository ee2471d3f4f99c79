import { capacityCheck } from '../capacity.js';
import { type Check, unlessPlanned } from '../judgement.js';
import { encryptionCheck } from '../offer.js';
import { allowlistCheck } from './allowlist.js';
import { callerIdCheck } from './caller-id.js';
import { callingPlanCheck } from './calling-plan.js';
import { carrierCheck } from './carriers.js';
import { connectorCheck } from './connector.js';
import { credentialsCheck } from './credentials.js';
import { emergencyCheck } from './emergency.js';
import { fraudCheck } from './fraud.js';
import { concurrencyCheck, cpsCheck } from './limits.js';
import { numberCheck } from './number.js';

/** Emergency calls skip every limit after their own check. */
const unlessEmergency = (check: Check): Check => unlessPlanned(check, 'Skipped: emergency call.');

/** Termination: design §4, in its order. The first that fails answers. */
export const TERMINATION_CHECKS: readonly Check[] = [
  connectorCheck,
  encryptionCheck,
  allowlistCheck,
  credentialsCheck,
  emergencyCheck,
  unlessEmergency(numberCheck),
  unlessEmergency(callingPlanCheck),
  unlessEmergency(callerIdCheck),
  unlessEmergency(fraudCheck),
  unlessEmergency(cpsCheck),
  unlessEmergency(concurrencyCheck),
  unlessEmergency(carrierCheck),
  capacityCheck('termination.capacity'),
];
