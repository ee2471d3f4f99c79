import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { GatewayError } from '../../core/index.js';
import type { Side } from '../engine.js';
import type { NgAddress } from './ng-client.js';

/** A telephone-event that a daemon has seen the end of (RFC 4733). */
export interface Digit {
  /** The daemon's name of the call. */
  readonly callId: string;
  readonly side: Side;
  /** 0–16 */
  readonly event: number;
  readonly durationMs: number;
}

const MAX_EVENT = 16;

/**
 * Where daemons that were started with `--dtmf-log-dest=<this address>` tell digits: one JSON object in a datagram.
 * Anybody can send one, but none takes effect that does not name a running call by the name we drew for it.
 */
export class DigitListener {
  readonly #address: NgAddress;
  readonly #onDigit: (digit: Digit) => void;
  #socket: Socket | undefined;

  constructor(address: NgAddress, onDigit: (digit: Digit) => void) {
    this.#address = address;
    this.#onDigit = onDigit;
  }

  /** @throws GatewayError `media.engine-unavailable` when the address cannot be listened on */
  async open(): Promise<void> {
    const socket = createSocket(isIPv6(this.#address.host) ? 'udp6' : 'udp4');
    socket.bind(this.#address.port, this.#address.host);
    try {
      await once(socket, 'listening');
    } catch (cause) {
      const message = `Cannot listen for digits at ${this.#address.host}:${this.#address.port}`;
      throw new GatewayError('media.engine-unavailable', message, { origin: 'local', cause });
    }
    socket.on('message', (bytes) => {
      const digit = parseDigit(bytes.toString('utf8'));
      if (digit) this.#onDigit(digit);
    });
    // An ICMP error about something never sent from here.
    socket.on('error', () => {});
    socket.unref();
    this.#socket = socket;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }
}

/** What a daemon tells of one event; undefined where the text is something else. */
export function parseDigit(text: string): Digit | undefined {
  const told = jsonOf(text);
  if (typeof told !== 'object' || told === null) return undefined;
  const { type, callid: callId, source_tag: side, event, duration } = told as Record<string, unknown>;
  if (type !== 'DTMF' || typeof callId !== 'string' || (side !== 'customer' && side !== 'remote')) return undefined;
  if (typeof event !== 'number' || !Number.isInteger(event) || event < 0 || event > MAX_EVENT) return undefined;
  const durationMs = typeof duration === 'number' && duration >= 0 ? duration : 0;
  return { callId, side, event, durationMs };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
