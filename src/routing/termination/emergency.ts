import { type Check, type CheckResult, type Judgement, note, refuse, skip } from '../judgement.js';
import { countryOf, formatNumber, isPlainE164, printable, readNumber } from '../numbers/index.js';
import { Attempt } from '../plan/attempt.js';
import { downLast, drawn } from '../plan/order.js';
import type { EmergencyNumber } from '../resources.js';
import type { Snapshot } from '../snapshot.js';
import { carriersFor } from './carriers.js';

/**
 * Emergency calls (911, and the codes configured): to the connector's routing number of the caller's country, the test
 * code to its test number. A connector without routing numbers sends the code itself to the carriers that serve it.
 * Later limits, and the states of carriers, do not stop the call; the call layer announces it.
 */
export const emergencyCheck: Check = {
  name: 'termination.emergency',
  run(judgement) {
    const { facts, snapshot } = judgement;
    const dialled = dialledCode(facts.requestUri.user);
    const real = snapshot.emergencyNumbers.has(dialled);
    const test = snapshot.emergencyTestNumbers.has(dialled);
    return real || test ? planEmergency(judgement, dialled, test) : NO_EMERGENCY;
  },
};

/** Whether a user, unescaped, dials an emergency or emergency test code, however it is written. */
export function isEmergencyCode(user: string, snapshot: Snapshot): boolean {
  const dialled = dialledCode(user);
  return snapshot.emergencyNumbers.has(dialled) || snapshot.emergencyTestNumbers.has(dialled);
}

const NO_EMERGENCY = skip('Not an emergency number.');

/** Digits as dialled; the code behind a + or separators is the code all the same. */
function dialledCode(user: string): string {
  if (user.length > LONGEST_CODE && isPlainE164(user)) return '';
  const reading = readNumber(user);
  if (reading.kind === 'local') return reading.digits;
  return reading.kind === 'e164' ? reading.number.slice(1) : '';
}

/** Codes have at most six digits, and one may stand behind a +. */
const LONGEST_CODE = 7;

function planEmergency(judgement: Judgement, dialled: string, test: boolean): CheckResult {
  const calling = presentedCaller(judgement);
  const entry = routingEntry(judgement, calling);
  const called = (test ? entry?.testPhoneNumber : entry?.emergencyPhoneNumber) ?? dialled;
  const input = { dialled, routingNumber: called === dialled ? null : called, callingNumber: calling, test };
  judgement.emergency = !test;
  judgement.called = called;
  judgement.calling = calling;
  judgement.country = isPlainE164(called) ? countryOf(called) : undefined;
  judgement.plan = everyTarget(judgement, called, calling);
  if (judgement.plan.length > 0) {
    return note(test ? 'emergency.test-call' : 'emergency.call', 'Emergency plan: later limits are skipped.', input);
  }
  return refuse('emergency.no-route', 404, 'No emergency routing number and no carrier for the emergency code', input);
}

/** PAI, else From, else the connector's default; never refused. */
function presentedCaller({ facts, connector }: Judgement): string {
  const { nationalNumbersOf, defaultPhoneNumber } = connector!.termination!;
  for (const user of [facts.assertedUser, facts.fromUser]) {
    const reading = user === undefined ? undefined : readNumber(user, nationalNumbersOf);
    if (reading?.kind === 'e164') return reading.number;
  }
  return defaultPhoneNumber ?? printable(facts.fromUser);
}

/** The entry of the caller's country, else the connector's first. */
function routingEntry({ connector }: Judgement, calling: string): EmergencyNumber | undefined {
  const entries = connector!.emergency?.dnis ?? [];
  const country = isPlainE164(calling) ? countryOf(calling) : undefined;
  return entries.find((entry) => entry.callingCountry === country) ?? entries[0];
}

/** Every target of every carrier for the number: those up first, full ones and down ones too. */
function everyTarget({ snapshot, live, random }: Judgement, called: string, calling: string): readonly Attempt[] {
  const up: Attempt[] = [];
  const down: Attempt[] = [];
  for (const carrier of carriersFor(called, snapshot, random)) {
    const format = carrier.resource.numberFormat;
    for (const target of carrier.targets.flatMap((tier) => drawn(tier, random))) {
      const list = live.targetState(target.targetKey).state === 'down' ? down : up;
      list.push(new Attempt(target, formatNumber(called, format), formatNumber(calling, format)));
    }
  }
  return downLast(up, down, snapshot.maxAttempts);
}
