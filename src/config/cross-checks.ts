import { carrierFaults, carrierWarnings } from './checks/carriers.js';
import { connectorFaults, connectorWarnings } from './checks/connectors.js';
import { listenerFaults, listenerWarnings } from './checks/listeners.js';
import { numberFaults } from './checks/numbers.js';
import type { ReadText } from './expand.js';
import type { ConfigFault, GatewayConfig } from './types.js';

/** What the schema cannot see: rules between values. A fault stops the load, a warning is told and lets it pass. */

export type Check = (config: GatewayConfig, read: ReadText) => Iterable<ConfigFault>;

const FAULTS: readonly Check[] = [listenerFaults, carrierFaults, connectorFaults, numberFaults];
const WARNINGS: readonly Check[] = [listenerWarnings, carrierWarnings, connectorWarnings];

export function crossCheck(
  config: GatewayConfig,
  read: ReadText,
): { readonly faults: readonly ConfigFault[]; readonly warnings: readonly ConfigFault[] } {
  const run = (checks: readonly Check[]) => checks.flatMap((check) => [...check(config, read)]);
  return { faults: run(FAULTS), warnings: run(WARNINGS) };
}
