import { createHash } from 'node:crypto';
import type { Scheduler } from '../core/index.js';
import type { Flow } from '../sip/index.js';
import { GATEWAY_ADDRESS } from './topology.js';

/** Header field that a caller puts into its INVITE, and the gateway passes on: tells which call a leg is of. */
export const CALL_NUMBER_HEADER = 'X-Simulated-Call';

const isFromGateway = ({ from }: { readonly from: string }): boolean => from.startsWith(`${GATEWAY_ADDRESS}:`);
const PACES_MS = [500, 1000, 2000, 4000];

interface Line {
  readonly atMs: number;
  readonly from: string;
  readonly to: string;
  readonly transport: string;
  readonly startLine: string;
  readonly details: string;
  readonly branch: string;
  /** '', or what became of it. */
  readonly fate: string;
}

/**
 * Every message on the wire: a running digest of all of them (two runs are the same run when it is the same), and the
 * ladder of each leg, by Call-ID, for what has to be told of a call that went wrong.
 */
export class WireLog {
  messages = 0;
  /** What the gateway sent at a time when it should not. */
  readonly offences: { readonly callId: string; readonly text: string }[] = [];
  readonly #time: Scheduler;
  readonly #hash = createHash('sha256');
  readonly #lines = new Map<string, Line[]>();
  readonly #legsOfCall = new Map<number, string[]>();
  readonly #callOfLeg = new Map<string, number>();

  constructor(time: Scheduler) {
    this.#time = time;
  }

  /** One message handed to the network, before it is known whether it arrives. */
  note(flow: Flow, bytes: Buffer, fate: string): void {
    this.messages++;
    const atMs = this.#time.nowMs();
    const from = `${flow.local.address}:${flow.local.port}`;
    const to = `${flow.remote.address}:${flow.remote.port}`;
    this.#hash.update(`${atMs} ${from} ${to} ${flow.transport} ${fate}\n`).update(bytes);
    const text = bytes.toString('latin1');
    const callId = field(text, 'Call-ID');
    this.#claim(text, callId);
    const startLine = text.slice(0, text.indexOf('\r\n'));
    const line = {
      atMs,
      from,
      to,
      transport: flow.transport,
      startLine,
      details: details(text),
      branch: branchOf(text),
      fate,
    };
    const known = this.#lines.get(callId) ?? [];
    if (isFromGateway(line) && line.transport === 'udp') this.#checkPace(known, line, callId);
    if (known.length === 0) this.#lines.set(callId, known);
    known.push(line);
  }

  /** A request of the gateway other than INVITE and ACK is repeated after T1, then doubling up to T2 (timer E). */
  #checkPace(earlier: readonly Line[], line: Line, callId: string): void {
    const { startLine, branch, atMs } = line;
    if (/^(SIP|INVITE|ACK) ?/.test(startLine)) return;
    const last = earlier.findLast((other) => other.branch === branch && other.startLine === startLine);
    const gapMs = last && atMs - last.atMs;
    if (gapMs === undefined || PACES_MS.some((pace) => Math.abs(gapMs - pace) < 0.1)) return;
    this.offences.push({ callId, text: `${startLine} was repeated after ${gapMs.toFixed(1)} ms` });
  }

  /** Which call a leg is of; undefined for one that is of none. */
  callOf(callId: string): number | undefined {
    return this.#callOfLeg.get(callId);
  }

  /** False when a request arrived at the gateway and it answered nothing at all. */
  wasServed(callId: string, branch: string): boolean {
    const lines = (this.#lines.get(callId) ?? []).filter((line) => line.branch === branch);
    const arrived = lines.some((line) => !isFromGateway(line) && line.fate !== 'lost');
    return !arrived || lines.some(isFromGateway);
  }

  /** When the gateway first sent CANCEL for the INVITE of this branch; undefined when it never did. */
  cancelledMs(callId: string, branch: string): number | undefined {
    const lines = this.#lines.get(callId) ?? [];
    return lines.find((line) => isFromGateway(line) && line.branch === branch && line.startLine.startsWith('CANCEL '))
      ?.atMs;
  }

  /** Start lines that went over a leg, in order. */
  startLines(callId: string): { readonly from: string; readonly startLine: string; readonly details: string }[] {
    return this.#lines.get(callId) ?? [];
  }

  /** The leg that a transaction key names by its branch. */
  legOfBranch(key: string): string | undefined {
    const branch = /z9hG4bK[\w.-]+/.exec(key)?.[0];
    if (branch === undefined) return undefined;
    for (const [callId, lines] of this.#lines) if (lines.some((line) => line.branch === branch)) return callId;
    return undefined;
  }

  /** Both legs of a call (and every further attempt), message by message. */
  ladder(call: number): string {
    const legs = this.#legsOfCall.get(call) ?? [];
    return legs.map((callId, index) => this.#leg(callId, index)).join('\n');
  }

  /** Ladder of one leg that belongs to no call. */
  leg(callId: string): string {
    return this.#leg(callId, 0);
  }

  /** Digest of all messages so far, their times and fates; ends the log. */
  digest(): string {
    return this.#hash.digest('hex');
  }

  #leg(callId: string, index: number): string {
    const lines = this.#lines.get(callId) ?? [];
    const title = `leg ${index === 0 ? 'of the caller' : `of attempt ${index}`}, Call-ID ${callId}`;
    return [title, ...lines.map(draw)].join('\n');
  }

  #claim(text: string, callId: string): void {
    if (this.#callOfLeg.has(callId) || !text.startsWith('INVITE ')) return;
    const call = Number(field(text, CALL_NUMBER_HEADER) || Number.NaN);
    if (!Number.isInteger(call)) return;
    this.#callOfLeg.set(callId, call);
    const legs = this.#legsOfCall.get(call);
    if (legs) legs.push(callId);
    else this.#legsOfCall.set(call, [callId]);
  }
}

/** Value of a header field, '' without one. Every name is written in one way here, so that no parser is needed. */
function field(text: string, name: string): string {
  const at = text.indexOf(`\r\n${name}: `);
  if (at < 0) return '';
  const start = at + name.length + 4;
  return text.slice(start, text.indexOf('\r\n', start));
}

/** Branch of the topmost Via. */
export const branchOf = (text: string): string => /branch=([^;\r]+)/.exec(text)?.[1] ?? '';

const tag = (value: string): string => value.slice(value.indexOf(';tag=') + 1 || value.length).slice(0, 12);

function details(text: string): string {
  const parts = [
    `CSeq ${field(text, 'CSeq')}`,
    tag(field(text, 'From')).replace('tag=', 'from '),
    tag(field(text, 'To')).replace('tag=', 'to '),
  ];
  for (const name of ['RSeq', 'RAck', 'Session-Expires', 'Retry-After', 'Reason']) {
    const value = field(text, name);
    if (value !== '') parts.push(`${name} ${value}`);
  }
  const media = /\r\nm=\w+ (\d+)/.exec(text);
  if (media) parts.push(`SDP ${media[1]} ${/\r\na=(sendrecv|sendonly|recvonly|inactive)/.exec(text)?.[1] ?? ''}`);
  return parts.filter((part) => part !== '').join(', ');
}

function draw({ atMs, from, to, transport, startLine, details, fate }: Line): string {
  const seconds = (atMs / 1000).toFixed(3).padStart(9);
  return `${seconds}  ${from} -${transport}-> ${to}  ${startLine}  [${details}]${fate === '' ? '' : `  ** ${fate}`}`;
}
