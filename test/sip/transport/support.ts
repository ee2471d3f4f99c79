import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  Counters,
  GatewayError,
  type Logger,
  type Scheduler,
  silentLogger,
  systemScheduler,
} from '../../../src/core/index.js';
import type { SipParseError } from '../../../src/sip/message/index.js';
import {
  type BoundListener,
  type Flow,
  parseListener,
  type ResolvedTarget,
  SipTransports,
  type SipTransportsOptions,
  type TransportName,
  type WireReceiver,
} from '../../../src/sip/transport/index.js';

/** A request of `size` body bytes that says `mark` in its Call-ID. */
export function options(mark: string, bodyBytes = 0): Buffer {
  return Buffer.from(
    [
      'OPTIONS sip:trunk@127.0.0.1 SIP/2.0',
      'Via: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK1',
      'From: <sip:a@127.0.0.1>;tag=1',
      'To: <sip:b@127.0.0.1>',
      `Call-ID: ${mark}`,
      'CSeq: 1 OPTIONS',
      'Max-Forwards: 70',
      `Content-Length: ${bodyBytes}`,
      '',
      'x'.repeat(bodyBytes),
    ].join('\r\n'),
  );
}

export const markOf = (bytes: Buffer): string => /^Call-ID: (.*)$/m.exec(bytes.toString('latin1'))?.[1]?.trim() ?? '';

interface Received {
  readonly bytes: Buffer;
  readonly flow: Flow;
}

/** Keeps what the transports tell, and lets a test wait for it. */
export class Recorder implements WireReceiver {
  readonly received: Received[] = [];
  readonly failed: { flow: Flow; error: GatewayError }[] = [];
  readonly malformedStreams: { flow: Flow; error: SipParseError }[] = [];
  /** What to do on each message, such as answering it. */
  onMessage: (bytes: Buffer, flow: Flow) => void = () => {};
  onMalformed: (flow: Flow, error: SipParseError) => void = () => {};
  inUse: (flow: Flow) => boolean = () => false;
  #wake: (() => void)[] = [];

  receive(bytes: Buffer, flow: Flow): void {
    this.received.push({ bytes, flow });
    this.onMessage(bytes, flow);
    this.#changed();
  }

  flowFailed(flow: Flow, error: GatewayError): void {
    this.failed.push({ flow, error });
    this.#changed();
  }

  malformed(flow: Flow, error: SipParseError): void {
    this.malformedStreams.push({ flow, error });
    this.onMalformed(flow, error);
    this.#changed();
  }

  get marks(): string[] {
    return this.received.map(({ bytes }) => markOf(bytes));
  }

  async messages(count: number): Promise<Received[]> {
    await this.until(() => this.received.length >= count, `${count} messages`);
    return this.received;
  }

  async failures(count: number): Promise<{ flow: Flow; error: GatewayError }[]> {
    await this.until(() => this.failed.length >= count, `${count} failures`);
    return this.failed;
  }

  async until(holds: () => boolean, what: string, limitMs = 4000): Promise<void> {
    const end = Date.now() + limitMs;
    while (!holds()) {
      const leftMs = end - Date.now();
      if (leftMs <= 0) throw new Error(`waited in vain for ${what}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(leftMs, 20));
        this.#wake.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export interface Node {
  readonly transports: SipTransports;
  readonly recorder: Recorder;
  readonly counters: Counters;
  /** The bound listener of a transport (and of an address, where several are). */
  at(transport: TransportName, address?: string): BoundListener;
  open(target: ResolvedTarget, timeoutMs?: number): Promise<Flow>;
}

const running: SipTransports[] = [];

/** Starts transports on free loopback ports; `stopAll` ends them. */
export async function startNode(
  urls: string[],
  extra: Partial<SipTransportsOptions> & { scheduler?: Scheduler; logger?: Logger } = {},
): Promise<Node> {
  const counters = extra.counters ?? new Counters();
  const transports = new SipTransports({
    listeners: urls.map(parseListener),
    scheduler: systemScheduler,
    logger: silentLogger,
    ...extra,
    counters,
  });
  const recorder = new Recorder();
  await transports.start(recorder);
  running.push(transports);
  return {
    transports,
    recorder,
    counters,
    at: (transport, address) => {
      const found = transports
        .listeners()
        .find((one) => one.transport === transport && (!address || one.address === address));
      if (!found) throw new Error(`no ${transport} listener`);
      return found;
    },
    open: (target, timeoutMs = 2000) =>
      new Promise((resolve, reject) => {
        transports.open(target, timeoutMs, (result) =>
          result instanceof GatewayError ? reject(result) : resolve(result),
        );
      }),
  };
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((transports) => transports.stop()));
}

/** A plain TCP peer. */
export interface Peer {
  readonly socket: Socket;
  /** Everything it got, as text. */
  text(): string;
  /** Waits until the text satisfies the predicate. */
  until(holds: (text: string) => boolean): Promise<string>;
  closed(): Promise<void>;
}

export async function tcpPeer(port: number, host = '127.0.0.1'): Promise<Peer> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  return peerOf(socket);
}

export function peerOf(socket: Socket): Peer {
  let text = '';
  socket.on('data', (bytes: Buffer) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    text: () => text,
    closed: () => closed,
    until: async (holds) => {
      const end = Date.now() + 4000;
      while (!holds(text)) {
        if (Date.now() > end) throw new Error(`waited in vain; got ${JSON.stringify(text)}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return text;
    },
  };
}
