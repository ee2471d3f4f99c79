import type { CallDetailRecord } from '../call/index.js';
import { type AgentLeg, Callee, type Complaint, NO_ACK, NO_PRACK, PATIENCE_MS } from './agent/index.js';
import type { SimulatedCall, World } from './world.js';

/** What must hold once a world is over. */

export interface Violation {
  /** Number of the call; undefined for what is of the world as a whole. */
  readonly call: number | undefined;
  /** Call-ID of the leg, where it is of one. */
  readonly callId?: string;
  readonly text: string;
}

/** Every invariant that does not hold, none when all do. */
export function checkWorld(world: World): Violation[] {
  const records = recordsByCallId(world);
  return [
    ...checkGateway(world),
    ...checkPeers(world),
    ...world.calls.flatMap((call) => checkCall(world, call, records.get(call.caller.callId) ?? [])),
  ];
}

function recordsByCallId({ gateway }: World): Map<string, CallDetailRecord[]> {
  const byCallId = new Map<string, CallDetailRecord[]>();
  for (const record of gateway.records) {
    const known = byCallId.get(record.CallId);
    if (known) known.push(record);
    else byCallId.set(record.CallId, [record]);
  }
  return byCallId;
}

/** Nothing may be left in the gateway: no call, transaction, dialog, timer, port, place. */
function checkGateway(world: World): Violation[] {
  const { gateway } = world;
  const { core, control, media, policy, recorder, clock } = gateway;
  const view = core.debugView();
  const left: Record<string, number> = {
    'calls in call control': control.calls.size,
    'open records': recorder.openCalls,
    'server transactions': view.serverTransactions,
    'client transactions': view.clientTransactions,
    dialogs: view.dialogs,
    'flows waited on': core.layer.flowCount,
    'timers of the SIP core': core.timers.pending,
    'timers of the gateway': clock.pending,
    'timers of the world': world.time.pending,
    'media sessions': media.health().sessions,
    'media ports': media.health().portsInUse,
    'call places': policy.debugView().calls,
    'carrier places': policy.debugView().carrierAttempts,
    'internal errors': gateway.counters.get('sip_internal_errors'),
    'listener faults': gateway.counters.get('listener_faults'),
    'targets stuck in “down”': [...policy.targetStates()].filter(([, state]) => state === 0).length,
  };
  const rows = Object.entries(left).filter(([, count]) => count > 0);
  return [
    ...rows.map(([what, count]) => ({ call: undefined, text: `left in the gateway: ${count} ${what}` })),
    ...view.details.map((row) => leftover(world, row)),
    ...gateway.errors.map((text) => ({ call: undefined, text: `error logged: ${text}` })),
    ...media.offences.map((text) => ({ call: undefined, text: `media: ${text}` })),
    ...world.log.offences.map(({ callId, text }) => ({ call: world.log.callOf(callId), callId, text })),
  ];
}

/** A transaction or dialog that was left, with the call it is of. */
function leftover(world: World, row: object): Violation {
  const { callId, key } = row as { callId?: string; key?: string };
  const leg = callId ?? (key === undefined ? undefined : world.log.legOfBranch(key));
  return {
    call: leg === undefined ? undefined : world.log.callOf(leg),
    ...(leg !== undefined && { callId: leg }),
    text: `left in the SIP core: ${JSON.stringify(row)}`,
  };
}

const checkPeers = (world: World): Violation[] =>
  [...world.hosts.values()].flatMap((host) => host.offences.map((text) => ({ call: undefined, text })));

function checkCall(world: World, call: SimulatedCall, records: readonly CallDetailRecord[]): Violation[] {
  const { number } = call.shape;
  const found: string[] = [];
  const expected = mustLeaveRecord(world, call) ? 1 : 0;
  if (records.length !== expected) found.push(`${records.length} records where ${expected} must be`);
  for (const leg of [call.caller, ...call.callees]) found.push(...checkLeg(world, call, leg));
  const [record] = records;
  if (record) found.push(...checkRecord(call, record));
  return found.map((text) => ({ call: number, text }));
}

/** Every INVITE that arrived, of somebody known, and proven where proof is asked for. */
function mustLeaveRecord({ invited }: World, { shape, caller }: SimulatedCall): boolean {
  return !shape.stranger && (caller.needsProof ? invited.get(caller.callId) === 2 : invited.has(caller.callId));
}

/** A side that lives and missed nothing must have been told the end, and must have no complaint. */
function checkLeg(world: World, call: SimulatedCall, leg: AgentLeg): string[] {
  const found = leg.offences.map((offence) => `${leg.name}: ${offence}`);
  if (leg.mode !== 'live' || leg.disturbed) return found;
  const unexplained = leg.complaints.filter((complaint) => !isExplained(world, call, leg, complaint));
  found.push(...unexplained.map(({ text }) => `${leg.name}: ${text}`));
  // A callee whose every response was lost may not be told anything: a CANCEL needs a response (RFC 3261 §9.1).
  const known = !(leg instanceof Callee) || world.heard.has(leg.branch);
  if (leg.open && known) found.push(`${leg.name} was never told that the call is over`);
  return found;
}

/**
 * On a bad line all seven tries of an INVITE can be lost, or the answers to them. And the answer to a late offer comes from the caller, in its ACK or PRACK, and the callee's waits for it: a caller that
 * never sent it explains why the callee got none in time.
 */
function isExplained(world: World, { caller }: SimulatedCall, leg: AgentLeg, { text, branch }: Complaint): boolean {
  if (branch !== undefined) return world.log.wasServed(leg.callId, branch);
  if (text === NO_ACK && leg instanceof Callee && answeredTooLate(world, leg)) return true;
  const { offer, manners, prack } = caller.shape.caller;
  const healthy = caller.mode === 'live' && !caller.disturbed && !caller.cut;
  if (offer !== 'late') return false;
  if (text === NO_ACK) return !healthy || manners.ack === 'never';
  return text === NO_PRACK && (!healthy || prack === 'never');
}

/**
 * An INVITE that got no final response within 64×T1 of its CANCEL is over for who sent it, and its transaction is gone
 * (RFC 3261 §9.1): a callee that heeds no CANCEL and answers later still cannot be acknowledged.
 */
function answeredTooLate(world: World, { callId, branch }: Callee): boolean {
  const cancelledMs = world.log.cancelledMs(callId, branch);
  const answeredMs = world.answered.get(branch);
  return cancelledMs !== undefined && answeredMs !== undefined && answeredMs >= cancelledMs + PATIENCE_MS;
}

/** The record tells what the caller saw. */
function checkRecord({ caller }: SimulatedCall, record: CallDetailRecord): string[] {
  const { SipStatus, Code } = record.Trunkline;
  if (caller.mode !== 'live' || caller.disturbed || caller.finalStatus === undefined) return [];
  if (SipStatus === caller.finalStatus) return [];
  return [`the record says ${SipStatus} (${Code}), the caller saw ${caller.finalStatus}`];
}
