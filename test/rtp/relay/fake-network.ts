import type { DatagramReceiver } from '../../../src/core/index.js';
import { SeededRandom, silentLogger, VirtualTime } from '../../../src/core/index.js';
import {
  type MediaEvent,
  type RemoteDescription,
  type SessionOrder,
  TypescriptEngine,
} from '../../../src/rtp/index.js';
import type { BindSocket } from '../../../src/rtp/relay/sockets.js';

export interface SentDatagram {
  /** Local `address port` it left from. */
  readonly from: string;
  /** `address port` it went to. */
  readonly to: string;
  readonly data: Buffer;
}

/** Sockets that are arrays: what is sent is kept, what is delivered goes to whoever has bound the port. */
export class FakeNetwork {
  readonly sent: SentDatagram[] = [];
  /** Ports that cannot be bound. */
  readonly taken = new Set<number>();
  bound = 0;
  readonly #handlers = new Map<string, DatagramReceiver>();

  readonly bind: BindSocket = async (address, port, receiver) => {
    const key = `${address} ${port}`;
    if (this.taken.has(port) || this.#handlers.has(key)) throw new Error(`${key} is taken`);
    this.#handlers.set(key, receiver);
    this.bound++;
    return {
      send: (data, toPort, toAddress) => {
        this.sent.push({ from: key, to: `${toAddress} ${toPort}`, data: Buffer.from(data) });
        return true;
      },
      close: () => {
        this.#handlers.delete(key);
        this.bound--;
      },
    };
  };

  /** Hands a datagram to the socket bound at `to`; one that nobody has bound is lost. */
  deliver(to: string, from: string, data: Buffer): void {
    const [address, port] = from.split(' ');
    this.#handlers.get(to)?.receive(data, address!, Number(port));
  }

  /** Takes what was sent since the last time, to `to` only when given. */
  take(to?: string): SentDatagram[] {
    const wanted = this.sent.filter((datagram) => to === undefined || datagram.to === to);
    const rest = this.sent.filter((datagram) => !wanted.includes(datagram));
    this.sent.splice(0, this.sent.length, ...rest);
    return wanted;
  }
}

export const CUSTOMER = '192.0.2.10';
export const REMOTE = '198.51.100.20';

/** The engine in virtual time on a fake network, with two peers described. */
export async function virtualEngine(options: { first?: number; last?: number; quarantineSeconds?: number } = {}) {
  const time = new VirtualTime();
  const network = new FakeNetwork();
  const engine = new TypescriptEngine({
    listen: ['10.0.0.1', '2001:db8::1'],
    ports: { first: options.first ?? 20000, last: options.last ?? 20099 },
    workers: 0,
    ...(options.quarantineSeconds !== undefined && { quarantineSeconds: options.quarantineSeconds }),
    scheduler: time,
    random: new SeededRandom(7),
    logger: silentLogger,
    bind: network.bind,
  });
  await engine.start();
  return { time, network, engine };
}

export const peerAt = (address: string, rtpPort: number, more: Partial<RemoteDescription> = {}): RemoteDescription => ({
  address,
  rtpPort,
  direction: 'sendrecv',
  formats: [
    { payloadType: 0, encoding: 'PCMU', clockRateHz: 8000 },
    { payloadType: 101, encoding: 'TELEPHONE-EVENT', clockRateHz: 8000 },
  ],
  ...more,
});

/** Opens a session in that engine; `toCustomer` and so on are the local `address port` to deliver to. */
export async function virtualCall(world: Awaited<ReturnType<typeof virtualEngine>>, order: Partial<SessionOrder> = {}) {
  const events: MediaEvent[] = [];
  const session = await world.engine.open({
    id: 'call',
    timeoutSeconds: 60,
    onEvent: (event) => events.push(event),
    ...order,
  });
  return {
    session,
    events,
    customerRtp: `${session.customer.address} ${session.customer.rtpPort}`,
    customerRtcp: `${session.customer.address} ${session.customer.rtcpPort}`,
    remoteRtp: `${session.remote.address} ${session.remote.rtpPort}`,
    remoteRtcp: `${session.remote.address} ${session.remote.rtcpPort}`,
  };
}
