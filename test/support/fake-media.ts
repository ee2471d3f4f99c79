import { GatewayError } from '../../src/core/index.js';
import type {
  EngineHealth,
  LegFigures,
  MediaEngine,
  MediaSession,
  RemoteDescription,
  SessionFigures,
  SessionOrder,
  Side,
} from '../../src/rtp/engine.js';

/** Figures of a leg where all is well. */
export const LEG: LegFigures = {
  received: {
    packets: 100,
    bytes: 17_200,
    rtcpPackets: 1,
    rtcpBytes: 52,
    lost: 2,
    reordered: 0,
    duplicates: 0,
    jitterUs: 1000,
    jitterMeanUs: 900,
    jitterMaxUs: 1500,
    intervalExpected: 102,
    intervalLost: 2,
    meanLossRun: 1,
    burstDensity: null,
    gapDensity: null,
    ssrc: 1,
    payloadType: 0,
    lastPacketMs: 0,
    dropped: {},
  },
  sent: {
    packets: 98,
    bytes: 16_856,
    rtcpPackets: 1,
    rtcpBytes: 52,
    reportedLost: null,
    reportedJitterUs: null,
    reportedFractionLost: null,
  },
  rttUs: 20_000,
  rttMeanUs: 20_000,
};

/** A media engine without media: ports are numbers, descriptions are kept, every figure is a constant. */
export class FakeMedia implements MediaEngine {
  readonly name = 'typescript';
  readonly sessions = new Map<string, FakeSession>();
  readonly described: { id: string; side: Side; description: RemoteDescription }[] = [];
  readonly played: { id: string; side: Side; event: number; durationMs: number }[] = [];
  opened = 0;
  #pairs: number;
  #nextPort = 10_000;

  /** @param pairs port pairs there are; two for each session */
  constructor(pairs = 100_000) {
    this.#pairs = pairs;
  }

  start(): Promise<void> {
    return Promise.resolve();
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  open(order: SessionOrder): Promise<MediaSession> {
    if (this.#pairs < 2) {
      return Promise.reject(
        new GatewayError('media.no-port', 'No media port pair is free', { origin: 'local', sipStatus: 503 }),
      );
    }
    this.#pairs -= 2;
    this.opened++;
    const session = new FakeSession(order, this.#ports(), this.#ports(), this, () => {
      this.#pairs += 2;
      this.sessions.delete(order.id);
    });
    this.sessions.set(order.id, session);
    return Promise.resolve(session);
  }

  get portsFree(): number {
    return this.#pairs * 2;
  }

  health(): EngineHealth {
    return {
      sessions: this.sessions.size,
      portsInUse: 2 * this.sessions.size,
      portsQuarantined: 0,
      portsFree: this.#pairs,
      dropped: {},
    };
  }

  #ports() {
    const rtpPort = this.#nextPort;
    this.#nextPort = rtpPort >= 60_000 ? 10_000 : rtpPort + 2;
    return { address: '127.0.0.1', rtpPort, rtcpPort: rtpPort + 1 };
  }
}

export class FakeSession implements MediaSession {
  readonly id: string;
  readonly order: SessionOrder;
  closed = false;
  /** What is read of it from now on. */
  figures: SessionFigures = { customer: LEG, remote: LEG };

  constructor(
    order: SessionOrder,
    readonly customer: MediaSession['customer'],
    readonly remote: MediaSession['remote'],
    readonly engine: FakeMedia,
    readonly onClose: () => void,
  ) {
    this.id = order.id;
    this.order = order;
  }

  describe(side: Side, description: RemoteDescription): void {
    this.engine.described.push({ id: this.id, side, description });
  }

  readonly interworksEvents = true;

  playEvent(side: Side, event: number, durationMs: number): void {
    this.engine.played.push({ id: this.id, side, event, durationMs });
  }

  read(): Promise<SessionFigures> {
    return Promise.resolve(this.figures);
  }

  fork(): never {
    throw new GatewayError('media.fork-unsupported', 'There is no media here to copy', { origin: 'local' });
  }

  close(): Promise<SessionFigures> {
    if (!this.closed) this.onClose();
    this.closed = true;
    return this.read();
  }
}
