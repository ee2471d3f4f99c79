import { type Check, type CheckResult, type Judgement, note, pass, refuse, skip } from '../judgement.js';
import type { CountryTraffic } from '../types.js';

/**
 * Fraud brakes: numbers of high-risk ranges are off unless the connector allows them, and what a connector sends to one
 * country in an hour is capped. A cap that is reached may hold the country until somebody releases it (the counters
 * and the hold are kept by live/country-traffic).
 */
export const fraudCheck: Check = {
  name: 'termination.fraud',
  run(judgement) {
    const { snapshot, connector, called, country, live } = judgement;
    if (!snapshot.fraud.enabled) return BRAKES_OFF;
    const risk = snapshot.highRisk.longest(called)?.[0];
    if (risk !== undefined && !connector!.termination!.allowedHighRisk.matches(called)) {
      return refuse('fraud.high-risk-prefix', 403, `Calls to ${risk} are not allowed: range of high fraud risk`, {
        number: called,
        prefix: risk,
      });
    }
    const traffic = country === undefined ? undefined : live.countryTraffic?.(connector!.id, country);
    return traffic ? judgeTraffic(judgement, traffic) : pass('Not a range of high fraud risk.', { number: called });
  },
};

const BRAKES_OFF = skip('The fraud brakes are off.');

function judgeTraffic({ snapshot, country }: Judgement, traffic: CountryTraffic): CheckResult {
  const { perCountry, alarmFraction } = snapshot.fraud;
  const { attempts, minutes, activeCalls, held } = traffic;
  const input = { country, attempts, minutes: Math.round(minutes), activeCalls, held };
  if (held) return refuse('fraud.country-held', 403, `Calls to ${country} are held after a fraud limit`, input);
  if (attempts >= perCountry.attempts) {
    return refuse('fraud.attempts-exceeded', 403, `Too many calls to ${country} in an hour`, input);
  }
  if (minutes >= perCountry.minutes) {
    return refuse('fraud.minutes-exceeded', 403, `Too many minutes to ${country} in an hour`, input);
  }
  if (activeCalls >= perCountry.concurrentCalls) {
    return refuse('fraud.concurrency-exceeded', 403, `Too many calls to ${country} at once`, input);
  }
  const near =
    attempts >= perCountry.attempts * alarmFraction ||
    minutes >= perCountry.minutes * alarmFraction ||
    activeCalls >= perCountry.concurrentCalls * alarmFraction;
  if (near) return note('fraud.alarm', `Traffic to ${country} nears a fraud limit.`, input);
  return pass('Within the fraud limits.', input);
}
