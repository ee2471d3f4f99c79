import type { ConfigFault, GatewayConfig } from '../types.js';
import { duplicateFaults, type Placed } from './duplicates.js';

/** Phone numbers: each is declared once and assigned to one connector or group. */

export function* numberFaults(config: GatewayConfig): Iterable<ConfigFault> {
  yield* duplicateFaults(
    'number',
    config.phoneNumbers.map((number, index) => ({ value: number.e164, path: () => `phoneNumbers[${index}].e164` })),
  );
  yield* duplicateFaults('number', assignments(config));
  yield* emergencyCodeFaults(config);
}

/** A code is an emergency number or a test number, not both. */
export function* emergencyCodeFaults(config: GatewayConfig): Iterable<ConfigFault> {
  const tests = new Set(config.emergency.testNumbers);
  for (const [index, code] of config.emergency.numbers.entries()) {
    if (tests.has(code))
      yield { path: `emergency.numbers[${index}]`, message: `${code} is also in emergency.testNumbers` };
  }
}

function* assignments(config: GatewayConfig): Iterable<Placed> {
  for (const section of ['voiceConnectors', 'voiceConnectorGroups'] as const) {
    for (const [index, owner] of config[section].entries()) {
      for (const [at, number] of owner.phoneNumbers.entries()) {
        yield { value: number, path: () => `${section}[${index}].phoneNumbers[${at}]` };
      }
    }
  }
}
