import { type Check, type Judgement, note, pass, refuse } from '../judgement.js';
import { printable, readNumber } from '../numbers/index.js';
import type { ConnectorView, Snapshot } from '../snapshot.js';

/**
 * The caller: P-Asserted-Identity, else From, must be a number assigned to the connector (or to a group it is in);
 * else `defaultPhoneNumber` takes its place.
 */
export const callerIdCheck: Check = {
  name: 'termination.caller-id',
  run(judgement) {
    const { snapshot, connector } = judgement;
    const { header, shown, number } = claimedCaller(judgement);
    const input = { header, caller: shown };
    if (number !== undefined && owns(connector!, number, snapshot)) {
      judgement.calling = number;
      return pass('The caller ID is assigned to this Voice Connector.', input);
    }
    const fallback = connector!.termination!.defaultPhoneNumber;
    if (fallback === undefined) {
      const reason = `Caller ID ${shown} is not assigned to this Voice Connector`;
      return refuse('termination.caller-id-denied', 403, reason, input);
    }
    judgement.calling = fallback;
    return note('termination.caller-id-replaced', 'The default phone number takes the place of the caller ID.', {
      ...input,
      replacedBy: fallback,
    });
  },
};

interface ClaimedCaller {
  readonly header: 'P-Asserted-Identity' | 'From';
  readonly shown: string;
  readonly number: string | undefined;
}

/** P-Asserted-Identity where it holds a number, else From. */
function claimedCaller({ facts, connector }: Judgement): ClaimedCaller {
  const country = connector!.termination!.nationalNumbersOf;
  const asserted = facts.assertedUser === undefined ? undefined : readNumber(facts.assertedUser, country);
  if (asserted?.kind === 'e164')
    return { header: 'P-Asserted-Identity', shown: asserted.number, number: asserted.number };
  const from = readNumber(facts.fromUser, country);
  if (from.kind === 'e164') return { header: 'From', shown: from.number, number: from.number };
  return { header: 'From', shown: printable(facts.fromUser), number: undefined };
}

function owns(connector: ConnectorView, number: string, snapshot: Snapshot): boolean {
  const owner = snapshot.numbers.get(number);
  if (!owner) return false;
  if (owner.kind === 'connector') return owner.id === connector.id;
  return snapshot.groups.get(owner.id)?.memberIds.has(connector.id) ?? false;
}
