import { type Catalogue, ResourceError } from './catalogue.js';
import type { FraudHold } from './codec.js';

/** Fraud holds outlive the process: what was held before a restart is held after it, until it is released. */

const idOf = (voiceConnectorId: string, country: string): string => `${voiceConnectorId}/${country}`;

export const keptHolds = (catalogue: Catalogue): readonly FraudHold[] =>
  catalogue.list('fraud-hold').map(({ entry }) => entry);

/** Durable once it resolves. */
export function keepHold(catalogue: Catalogue, hold: FraudHold): Promise<void> {
  const id = idOf(hold.voiceConnectorId, hold.country);
  return catalogue.change('trunkline', [{ kind: 'fraud-hold', id, entry: hold, action: 'hold' }]);
}

/** Takes a hold out of the store; false where it was not there. */
export async function forgetHold(
  catalogue: Catalogue,
  who: string,
  voiceConnectorId: string,
  country: string,
): Promise<boolean> {
  const id = idOf(voiceConnectorId, country);
  try {
    await catalogue.change(who, [{ kind: 'fraud-hold', id, entry: undefined, action: 'release' }]);
    return true;
  } catch (error) {
    if (error instanceof ResourceError && error.code === 'store.not-found') return false;
    throw error;
  }
}
