import { connect, type Socket } from 'node:net';
import { GatewayError, type Timer } from '../../core/index.js';
import { formatHostPort } from '../message/index.js';
import type { ConnectionFlow } from './connection-flow.js';
import type { Flow, ResolvedTarget } from './flow.js';
import type { TransportContext } from './limits.js';
import { StreamFlow } from './stream-flow.js';

/** A connection attempt: tells its outcome once, and can be given up. */
export interface Dialing {
  abort(): void;
}

export type Dialed = (result: ConnectionFlow | GatewayError) => void;

/** Opens a connection of one transport; `localAddress` is the address to connect from, absent: the system's choice. */
export type Dial = (target: ResolvedTarget, localAddress: string | undefined, done: Dialed) => Dialing;

/** Who waits for a connection is told once. */
export type Opened = (result: Flow | GatewayError) => void;

interface Waiter {
  readonly done: Opened;
  readonly patience: Timer;
}

interface Attempt {
  readonly dialing: Dialing;
  readonly waiting: Set<Waiter>;
}

/**
 * Our own outgoing connections, one for each place they go to (RFC 3261 §18, RFC 5923: connections a peer opened are
 * never taken for requests to an address it claims). Requests that come while one is being opened wait for it, each
 * with its own patience; when the last has lost it, the attempt ends.
 */
export class OutgoingConnections {
  readonly #context: TransportContext;
  readonly #open = new Map<string, ConnectionFlow>();
  readonly #attempts = new Map<string, Attempt>();

  constructor(context: TransportContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Gives the open connection to that target, or dials it. */
  obtain(target: ResolvedTarget, localAddress: string | undefined, dial: Dial, timeoutMs: number, done: Opened): void {
    const key = `${target.transport} ${formatHostPort(target.address, target.port)} ${target.serverName ?? ''}`;
    const open = this.#open.get(key);
    if (open) {
      done(open);
      return;
    }
    const attempt = this.#attempts.get(key) ?? this.#begin(key, target, localAddress, dial);
    this.#wait(key, attempt, target, timeoutMs, done);
  }

  #begin(key: string, target: ResolvedTarget, localAddress: string | undefined, dial: Dial): Attempt {
    const waiting = new Set<Waiter>();
    const dialing = dial(target, localAddress, (result) => this.#dialed(key, waiting, result));
    const attempt = { dialing, waiting };
    this.#attempts.set(key, attempt);
    return attempt;
  }

  /** Gives up every attempt; those who wait are told `transport.unavailable`. */
  abortAll(): void {
    for (const [key, attempt] of this.#attempts) {
      attempt.dialing.abort();
      this.#dialed(
        key,
        attempt.waiting,
        new GatewayError('transport.unavailable', 'the transports stop', { origin: 'local' }),
      );
    }
  }

  #wait(key: string, attempt: Attempt, target: ResolvedTarget, timeoutMs: number, done: Opened): void {
    const patience = this.#context.scheduler.after(timeoutMs, () => {
      attempt.waiting.delete(waiter);
      if (attempt.waiting.size === 0) {
        this.#attempts.delete(key);
        attempt.dialing.abort();
      }
      this.#context.counters.add('sip_connect_failures', 'timeout');
      const where = `${target.transport} ${formatHostPort(target.address, target.port)}`;
      this.#tell(
        done,
        new GatewayError('transport.timeout', `${where}: not connected within ${timeoutMs} ms`, { origin: 'remote' }),
      );
    });
    const waiter = { done, patience };
    attempt.waiting.add(waiter);
  }

  #dialed(key: string, waiting: Set<Waiter>, result: ConnectionFlow | GatewayError): void {
    this.#attempts.delete(key);
    if (result instanceof GatewayError) this.#context.counters.add('sip_connect_failures', result.code.split('.')[1]);
    else this.#keep(key, result);
    const waiters = [...waiting];
    waiting.clear();
    for (const { done, patience } of waiters) {
      patience.cancel();
      this.#tell(done, result);
    }
  }

  /** One waiter that throws must not keep the outcome from the others. */
  #tell(done: Opened, result: Flow | GatewayError): void {
    try {
      done(result);
    } catch (err) {
      this.#context.counters.add('sip_receiver_faults');
      this.#context.logger.error({ err }, 'SIP core failed on an opened connection');
    }
  }

  #keep(key: string, flow: ConnectionFlow): void {
    this.#open.set(key, flow);
    flow.onEnd(() => {
      if (this.#open.get(key) === flow) this.#open.delete(key);
    });
  }
}

/** Connects TCP. */
export const tcpDial =
  (context: TransportContext): Dial =>
  (target, localAddress, done) => {
    const socket = connect({ host: target.address, port: target.port, ...(localAddress && { localAddress }) });
    return settle(socket, 'connect', target, done, () => new StreamFlow(socket, 'tcp', false, undefined, context));
  };

/**
 * Waits for the socket's `ready` event or its failure. Before TCP is connected a failure is `transport.refused`;
 * after, the TLS handshake failed: `transport.tls`.
 */
export function settle(
  socket: Socket,
  ready: string,
  target: ResolvedTarget,
  done: Dialed,
  flow: () => ConnectionFlow,
): Dialing {
  let connected = false;
  const failed = (error: Error): void => {
    cleanUp();
    done(dialError(target, connected ? 'tls' : 'refused', error));
  };
  const closed = (): void => failed(new Error('the peer closed the connection'));
  const succeeded = (): void => {
    cleanUp();
    done(flow());
  };
  const nowConnected = (): void => {
    connected = true;
  };
  const cleanUp = (): void => {
    socket.off('error', failed).off('close', closed).off(ready, succeeded).off('connect', nowConnected);
    // A socket that is given up may still fail; nobody is left to tell.
    socket.on('error', () => {});
  };
  socket.on('connect', nowConnected).on('error', failed).on('close', closed).on(ready, succeeded);
  return {
    abort: () => {
      cleanUp();
      socket.destroy();
    },
  };
}

export const dialError = (target: ResolvedTarget, kind: 'tls' | 'refused', cause: Error): GatewayError =>
  new GatewayError(
    `transport.${kind}`,
    `${target.transport} ${formatHostPort(target.address, target.port)}: ${cause.message}`,
    {
      origin: 'remote',
      cause,
    },
  );
