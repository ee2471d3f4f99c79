import type { Catalogue, Edit } from './catalogue.js';
import { ResourceError } from './catalogue.js';
import type { Assignment, NumberEntry, NumberOrder } from './codec.js';

/**
 * Phone numbers: orders that bring them into the inventory, assignment, and the deletion queue.
 *
 *     order ─► unassigned ◄──assign / unassign──► assigned
 *                 │  ▲
 *          delete │  │ restore, within 7 days
 *                 ▼  │
 *              in deletion ──7 days──► gone
 */

const DAY_MS = 86_400_000;
export const DELETION_DAYS = 7;

/** Takes numbers into the inventory; those already there fail, the others are acquired at once. */
export async function orderNumbers(
  catalogue: Catalogue,
  who: string,
  order: { readonly id: string; readonly e164s: readonly string[]; readonly nowMs: number },
): Promise<NumberOrder> {
  const taken = new Set(order.e164s.filter((e164) => catalogue.get('phone-number', e164) !== undefined));
  const fresh = [...new Set(order.e164s)].filter((e164) => !taken.has(e164));
  const result: NumberOrder = {
    id: order.id,
    productType: 'VoiceConnector',
    status: taken.size === 0 ? 'Successful' : fresh.length === 0 ? 'Failed' : 'Partial',
    phoneNumbers: order.e164s.map((e164) => ({ e164, status: taken.has(e164) ? 'Failed' : 'Acquired' })),
    createdMs: order.nowMs,
  };
  const numbers = fresh.map((e164): Edit => {
    const entry: NumberEntry = { e164, productType: 'VoiceConnector', orderId: order.id };
    return { kind: 'phone-number', id: e164, entry };
  });
  await catalogue.change(who, [{ kind: 'phone-number-order', id: order.id, entry: result }, ...numbers]);
  return result;
}

/** Assigns a number; `undefined` takes it back. */
export function assignNumber(
  catalogue: Catalogue,
  who: string,
  e164: string,
  to: Assignment | undefined,
): Promise<void> {
  const number = numberOf(catalogue, e164);
  if (number.deletionMs !== undefined) throw new ResourceError('conflict', `${e164} is in the deletion queue`);
  if (to !== undefined) assertOwner(catalogue, to);
  const { assignment: _, ...rest } = number;
  const entry: NumberEntry = to === undefined ? rest : { ...rest, assignment: to };
  return catalogue.change(who, [{ kind: 'phone-number', id: e164, entry }]);
}

/** Puts an unassigned number into the deletion queue. */
export function deleteNumber(catalogue: Catalogue, who: string, e164: string, nowMs: number): Promise<void> {
  const number = numberOf(catalogue, e164);
  // One that a file declares is refused below, with the file's name.
  if (number.assignment && catalogue.ownerOf('phone-number', e164) === undefined) {
    throw new ResourceError('conflict', `${e164} is assigned: take it back first`);
  }
  if (number.deletionMs !== undefined) throw new ResourceError('conflict', `${e164} is in the deletion queue already`);
  const entry = { ...number, deletionMs: nowMs + DELETION_DAYS * DAY_MS };
  return catalogue.change(who, [{ kind: 'phone-number', id: e164, entry, action: 'delete' }]);
}

/** Takes a number out of the deletion queue. */
export function restoreNumber(catalogue: Catalogue, who: string, e164: string, nowMs: number): Promise<void> {
  const { deletionMs, ...rest } = numberOf(catalogue, e164);
  if (deletionMs === undefined || deletionMs <= nowMs) {
    throw new ResourceError('conflict', `${e164} is not in the deletion queue`);
  }
  return catalogue.change(who, [{ kind: 'phone-number', id: e164, entry: rest, action: 'restore' }]);
}

/** Removes the numbers whose seven days are over; gives how many. */
export async function purgeNumbers(catalogue: Catalogue, nowMs: number): Promise<number> {
  const due = catalogue
    .list('phone-number')
    .filter(({ entry }) => (entry.deletionMs ?? Number.POSITIVE_INFINITY) <= nowMs);
  const edits = due.map(({ id }): Edit => ({ kind: 'phone-number', id, entry: undefined, action: 'purge' }));
  if (edits.length > 0) await catalogue.change('trunkline', edits);
  return edits.length;
}

/** Removes proxy sessions that expired a day ago or earlier; gives how many. */
export async function purgeSessions(catalogue: Catalogue, nowMs: number): Promise<number> {
  const due = catalogue
    .list('proxy-session')
    .filter(({ entry }) => (entry.expiresAtMs ?? Number.POSITIVE_INFINITY) + DAY_MS <= nowMs);
  const edits = due.map(({ id }): Edit => ({ kind: 'proxy-session', id, entry: undefined, action: 'purge' }));
  if (edits.length > 0) await catalogue.change('trunkline', edits);
  return edits.length;
}

function numberOf(catalogue: Catalogue, e164: string): NumberEntry {
  const number = catalogue.get('phone-number', e164);
  if (!number) throw new ResourceError('not-found', `There is no phone-number ${e164}`);
  return number;
}

function assertOwner(catalogue: Catalogue, to: Assignment): void {
  const found =
    'voiceConnectorId' in to
      ? catalogue.get('voice-connector', to.voiceConnectorId)
      : catalogue.get('voice-connector-group', to.voiceConnectorGroupId);
  if (!found) throw new ResourceError('invalid', `Nothing has the id ${Object.values(to)[0]}`);
}
