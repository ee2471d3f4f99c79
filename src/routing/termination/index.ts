import { capacityCheck } from '../capacity.js';
import { type Check, type Judgement, skip } from '../judgement.js';
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

/** A check that an emergency call passes unseen. */
function unlessEmergency(check: Check): Check {
  const SKIPPED = skip('Skipped: emergency call.');
  return {
    name: check.name,
    run: (judgement: Judgement) => (isEmergencyPlan(judgement) ? SKIPPED : check.run(judgement)),
  };
}

/** The plan stands already: an emergency call or its rehearsal. */
const isEmergencyPlan = (judgement: Judgement): boolean => judgement.plan.length > 0;

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
