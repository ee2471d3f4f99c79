import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { GatewayError, type Random, type Scheduler, type Timer } from '../../core/index.js';
import { type BencodedMap, decodeBencode, encodeBencode, mapOf, textOf } from './bencode.js';

/**
 * Requests to one rtpengine daemon by the NG protocol: a datagram `cookie SP dictionary`, answered under the same
 * cookie. A request that stays unanswered is sent again under its cookie, and the daemon repeats its answer then.
 */
export interface NgAddress {
  readonly host: string;
  readonly port: number;
}

/** Waits before each repetition, and before giving up. */
const WAITS_MS = [250, 500, 1000];

interface Pending {
  readonly done: (answer: BencodedMap) => void;
  timer: Timer | undefined;
}

export class NgClient {
  readonly address: NgAddress;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #pending = new Map<string, Pending>();
  #socket: Socket | undefined;

  constructor(address: NgAddress, scheduler: Scheduler, random: Random) {
    this.address = address;
    this.#scheduler = scheduler;
    this.#random = random;
  }

  open(): void {
    const socket = createSocket(isIPv6(this.address.host) ? 'udp6' : 'udp4');
    socket.on('message', (bytes, from) => {
      if (from.port === this.address.port) this.#take(bytes.toString('latin1'));
    });
    // A refused or unreachable port shows as a missing answer, which is what callers wait for.
    socket.on('error', () => {});
    socket.unref();
    this.#socket = socket;
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
    for (const { timer } of this.#pending.values()) timer?.cancel();
    for (const { done } of [...this.#pending.values()]) done({ result: 'closed' });
    this.#pending.clear();
  }

  /**
   * Sends a command and resolves with the answer.
   * @throws GatewayError `media.rtpengine-silent` without an answer in 1.75 s, `media.rtpengine-refused` for `result: error`
   */
  request(command: string, parts: BencodedMap = {}): Promise<BencodedMap> {
    const cookie = `${this.#random.uint32().toString(36)}${this.#random.uint32().toString(36)}`;
    const bytes = Buffer.from(`${cookie} ${encodeBencode({ ...parts, command })}`, 'latin1');
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        timer: undefined,
        done: (answer) => {
          const result = textOf(answer.result);
          if (result === 'ok' || result === 'pong') resolve(answer);
          else reject(refused(command, textOf(answer['error-reason']) ?? `result ${result}`));
        },
      };
      this.#pending.set(cookie, pending);
      this.#send(cookie, pending, bytes, 0, () => reject(silent(command)));
    });
  }

  #send(cookie: string, pending: Pending, bytes: Buffer, tries: number, fail: () => void): void {
    const waitMs = WAITS_MS[tries];
    if (waitMs === undefined || !this.#socket) {
      this.#pending.delete(cookie);
      fail();
      return;
    }
    this.#socket.send(bytes, this.address.port, this.address.host);
    pending.timer = this.#scheduler.after(waitMs, () => this.#send(cookie, pending, bytes, tries + 1, fail));
  }

  #take(text: string): void {
    const space = text.indexOf(' ');
    const pending = this.#pending.get(text.slice(0, space));
    if (!pending) return;
    pending.timer?.cancel();
    this.#pending.delete(text.slice(0, space));
    pending.done(mapOf(decodeBencode(text.slice(space + 1))));
  }
}

const silent = (command: string): GatewayError =>
  new GatewayError('media.rtpengine-silent', `The rtpengine daemon did not answer "${command}"`, {
    origin: 'remote',
    sipStatus: 503,
  });

const refused = (command: string, reason: string): GatewayError =>
  new GatewayError('media.rtpengine-refused', `The rtpengine daemon refused "${command}": ${reason}`, {
    origin: 'remote',
    sipStatus: 503,
  });
