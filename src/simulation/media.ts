import { below, GatewayError, type Random, type Scheduler, type Timer, unit } from '../core/index.js';
import type {
  EngineHealth,
  LegFigures,
  LocalPorts,
  MediaEngine,
  MediaEvent,
  MediaSession,
  SessionFigures,
  SessionOrder,
} from '../rtp/index.js';
import type { Tally } from './tally.js';

/**
 * A media engine without media: it accounts for ports, answers after a while of virtual time, and sometimes fails as a
 * real one does (no port, a thread that died, silence of a peer). What it is asked after its end is an offence.
 */
export interface SimulatedMediaParts {
  readonly time: Scheduler;
  readonly random: Random;
  readonly tally: Tally;
  /** Port pairs there are; a call takes two. */
  readonly pairs: number;
  /** Never fails, and nothing happens in it. */
  readonly sound: boolean;
}

/** Thrown on purpose: an error line about it is no finding. */
export const SIMULATED_FAULT = 'simulated media fault';

const SHARE = {
  noPort: 0.004,
  openFails: 0.002,
  openHangs: 0.001,
  slowOpen: 0.01,
  closeHangs: 0.001,
  closeFails: 0.002,
  readFails: 0.01,
  silence: 0.01,
};
const FIRST_PORT = 10_000;

export class SimulatedMedia implements MediaEngine {
  readonly name = 'typescript';
  readonly offences: string[] = [];
  readonly #parts: SimulatedMediaParts;
  readonly #free: number[];
  readonly #inUse = new Set<number>();
  #sessions = 0;

  constructor(parts: SimulatedMediaParts) {
    this.#parts = parts;
    this.#free = Array.from({ length: parts.pairs }, (_, index) => FIRST_PORT + 2 * index);
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  open(order: SessionOrder): Promise<MediaSession> {
    const { random } = this.#parts;
    const dice = this.#parts.sound ? 1 : unit(random);
    if (this.#free.length < 2 || dice < SHARE.noPort) return this.#later(10, () => this.#fail(noPort(), 'no port'));
    if (dice < SHARE.noPort + SHARE.openFails) {
      return this.#later(10, () => this.#fail(new Error(SIMULATED_FAULT), 'open failed'));
    }
    if (!this.#parts.sound && unit(random) < SHARE.openHangs) return this.#never('open hangs');
    const slow = !this.#parts.sound && unit(random) < SHARE.slowOpen;
    if (slow) this.#parts.tally.add('media: slow open');
    this.#sessions++;
    const session = new SimulatedSession(order, this.#take(), this.#take(), this);
    return this.#later(slow ? 1000 + below(random, 7000) : below(random, 20), () => session);
  }

  health(): EngineHealth {
    const pairs = this.#free.length;
    return {
      sessions: this.#sessions,
      portsInUse: 2 * this.#inUse.size,
      portsQuarantined: 0,
      portsFree: pairs,
      dropped: {},
    };
  }

  get portsFree(): number {
    return this.#free.length;
  }

  // For the sessions

  giveBack(session: SimulatedSession): void {
    this.#sessions--;
    for (const { rtpPort } of [session.customer, session.remote]) {
      if (!this.#inUse.delete(rtpPort)) this.offences.push(`port ${rtpPort} given back twice`);
      this.#free.push(rtpPort);
    }
  }

  /** Settles a promise after a while, in virtual order. */
  answer(delayMs: number, failShare: number, what: string): Promise<SessionFigures> {
    const fails = !this.#parts.sound && unit(this.#parts.random) < failShare;
    return this.#later(delayMs, () => (fails ? this.#fail(new Error(SIMULATED_FAULT), what) : FIGURES));
  }

  /** Settles the promise of a close, or never does. */
  answerClose(): Promise<SessionFigures> {
    const hangs = !this.#parts.sound && unit(this.#parts.random) < SHARE.closeHangs;
    return hangs ? this.#never('close hangs') : this.answer(2, SHARE.closeFails, 'close failed');
  }

  #never<T>(what: string): Promise<T> {
    this.#parts.tally.add(`media: ${what}`);
    return new Promise(() => {});
  }

  /** Things that happen to a session on its own account. */
  haunt(session: SimulatedSession): Timer[] {
    const { random, time, tally, sound } = this.#parts;
    if (sound) return [];
    const timers = [
      time.after(below(random, 3000), () => session.tell({ kind: 'latched', side: 'remote', ...PLACE })),
      time.after(below(random, 30_000), () => session.tell({ kind: 'source-refused', side: 'customer', ...PLACE })),
    ];
    if (unit(random) >= SHARE.silence) return timers;
    const silence = (): void => {
      tally.add('media: silence');
      session.tell({ kind: 'timeout', side: unit(random) < 0.5 ? 'customer' : 'remote' });
    };
    return [...timers, time.after(below(random, 120_000), silence)];
  }

  #take(): LocalPorts {
    const rtpPort = this.#free.shift()!;
    this.#inUse.add(rtpPort);
    return { address: MEDIA_ADDRESS, rtpPort, rtcpPort: rtpPort + 1 };
  }

  #fail(error: Error, what: string): never {
    this.#parts.tally.add(`media: ${what}`);
    throw error;
  }

  #later<T>(delayMs: number, result: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#parts.time.after(delayMs, () => {
        try {
          resolve(result());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

export class SimulatedSession implements MediaSession {
  readonly id: string;
  readonly customer: LocalPorts;
  readonly remote: LocalPorts;
  readonly #order: SessionOrder;
  readonly #engine: SimulatedMedia;
  readonly #timers: Timer[];
  #closed: Promise<SessionFigures> | undefined;

  constructor(order: SessionOrder, customer: LocalPorts, remote: LocalPorts, engine: SimulatedMedia) {
    this.id = order.id;
    this.#order = order;
    this.customer = customer;
    this.remote = remote;
    this.#engine = engine;
    this.#timers = engine.haunt(this);
  }

  tell(event: MediaEvent): void {
    this.#order.onEvent(event);
  }

  describe(side: 'customer' | 'remote'): void {
    if (this.#closed) this.#engine.offences.push(`session described (${side}) after it was closed`);
  }

  readonly interworksEvents = true;

  playEvent(side: 'customer' | 'remote'): void {
    if (this.#closed) this.#engine.offences.push(`event played (${side}) after the session was closed`);
  }

  read(): Promise<SessionFigures> {
    return this.#engine.answer(1, SHARE.readFails, 'read failed');
  }

  fork(): never {
    throw new GatewayError('media.fork-unsupported', 'There is no media here to copy', { origin: 'local' });
  }

  close(): Promise<SessionFigures> {
    if (this.#closed) return this.#closed;
    for (const timer of this.#timers) timer.cancel();
    this.#engine.giveBack(this);
    this.#closed = this.#engine.answerClose();
    return this.#closed;
  }
}

export const MEDIA_ADDRESS = '192.0.2.1';
const PLACE = { address: '203.0.113.99', port: 40_000 };

const noPort = (): GatewayError =>
  new GatewayError('media.no-port', 'No media port pair is free', { origin: 'local', sipStatus: 503 });

const LEG: LegFigures = {
  received: {
    packets: 500,
    bytes: 86_000,
    rtcpPackets: 2,
    rtcpBytes: 104,
    lost: 1,
    reordered: 0,
    duplicates: 0,
    jitterUs: 1000,
    jitterMeanUs: 900,
    jitterMaxUs: 1500,
    intervalExpected: 501,
    intervalLost: 1,
    meanLossRun: 1,
    burstDensity: null,
    gapDensity: null,
    ssrc: 1,
    payloadType: 0,
    lastPacketMs: 0,
    dropped: {},
  },
  sent: {
    packets: 500,
    bytes: 86_000,
    rtcpPackets: 2,
    rtcpBytes: 104,
    reportedLost: null,
    reportedJitterUs: null,
    reportedFractionLost: null,
  },
  rttUs: 20_000,
  rttMeanUs: 20_000,
};

const FIGURES: SessionFigures = { customer: LEG, remote: LEG };
