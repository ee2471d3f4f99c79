/** The same session in both packet paths, fed alike and compared to the last bit. */
import { type Scheduler, SeededRandom } from '../../../src/core/index.js';
import type { MediaEvent, RemoteDescription, Side } from '../../../src/rtp/engine.js';
import type { NativeBinding, NativeEvent, TwinHandle } from '../../../src/rtp/native/binding.js';
import { packDescription } from '../../../src/rtp/native/description.js';
import { assembleSession } from '../../../src/rtp/relay/assemble.js';
import type { PlayedEvent } from '../../../src/rtp/relay/event-player.js';
import { clearRecord, LEG_BYTES, LEG_WORDS, legRecord } from '../../../src/rtp/relay/layout.js';
import { Reporter } from '../../../src/rtp/relay/reporter.js';
import type { RelaySession } from '../../../src/rtp/relay/session.js';
import type { SocketPair } from '../../../src/rtp/relay/socket-shelf.js';
import { POINTS, TwinFork } from './twin-forks.js';

export const SIDES = ['customer', 'remote'] as const;
const CAPACITY_BYTES = 2048;
/** Queues of the forks at each point: short ones overflow now and then, one is no power of two. */
const QUEUED = [16, 7, 32];

/** What left by a socket of the TypeScript path. */
interface Sent {
  rtcp: boolean;
  bytes: Buffer;
  port: number;
  address: string;
}

export class Twins {
  readonly events: { readonly typescript: MediaEvent[]; readonly native: NativeEvent[] } = {
    typescript: [],
    native: [],
  };
  nowMs = 1000;
  forwarded = 0;
  readonly #scheduler: Scheduler = {
    nowMs: () => this.nowMs,
    wallMs: () => this.nowMs,
    after: () => ({ cancel() {} }),
  };
  readonly #binding: NativeBinding;
  readonly #session: RelaySession;
  readonly #twin: TwinHandle;
  readonly #records: readonly [Buffer, Buffer];
  readonly #pairs: Readonly<Record<Side, SocketPair>>;
  readonly #packet = Buffer.alloc(CAPACITY_BYTES);
  readonly #out = new Int32Array(3);
  readonly forks: readonly TwinFork[];
  #sent: Sent | undefined;
  #faults = 0;

  constructor(binding: NativeBinding, family: 4 | 6 = 4) {
    this.#binding = binding;
    const typescript = new ArrayBuffer(2 * LEG_BYTES);
    const native = new ArrayBuffer(2 * LEG_BYTES);
    this.#records = [Buffer.from(typescript), Buffer.from(native)];
    for (const slot of [0, 1]) clearRecord(legRecord(native, slot));
    this.#pairs = { customer: this.#pair(), remote: this.#pair() };
    const address = family === 6 ? '::1' : '127.0.0.1';
    this.#session = assembleSession({
      records: new Float64Array(typescript),
      scheduler: this.#scheduler,
      random: new SeededRandom(1),
      places: { customer: { slot: 0, address, rtpPort: 2 }, remote: { slot: 1, address, rtpPort: 4 } },
      pairs: this.#pairs,
      timeoutMs: 1e9,
      tell: (event) => this.events.typescript.push(event),
      onFault: (error) => {
        this.#faults++;
        throw error;
      },
    });
    this.#twin = binding.createTwin(legRecord(native, 0), legRecord(native, 1), family);
    this.forks = SIDES.flatMap((side, place) =>
      POINTS.map((point, at) => {
        const fork = new TwinFork(`${side} ${point}`, QUEUED[at]!);
        this.#session.fork(side, at, point, fork.writer);
        binding.twinFork(this.#twin, place as 0 | 1, at as 0 | 1 | 2, fork.memory, fork.maxQueued);
        return fork;
      }),
    );
  }

  describe(side: Side, description: RemoteDescription): void {
    this.#session.describe(side, description, this.nowMs);
    if (
      !this.#binding.twinDescribe(this.#twin, SIDES.indexOf(side) as 0 | 1, packDescription(description), this.nowMs)
    ) {
      throw new Error('the native path refused a description');
    }
  }

  /** Gives one datagram to both; throws at the first difference. */
  packet(side: Side, rtcpPort: boolean, datagram: Buffer, address: string, port: number): void {
    this.#sent = undefined;
    datagram.copy(this.#packet);
    const goesOn = this.#binding.twinPacket(
      this.#twin,
      SIDES.indexOf(side) as 0 | 1,
      rtcpPort,
      this.#packet,
      datagram.length,
      address,
      port,
      this.nowMs,
      this.#out,
    );
    const user = this.#pairs[side].user!;
    (rtcpPort ? user.onRtcp : user.onRtp)(datagram, address, port);
    this.#compare(goesOn);
  }

  /** Orders a telephone-event of both. */
  play(side: Side, event: PlayedEvent): void {
    this.#session.play(side, event);
    this.#binding.twinPlay(this.#twin, SIDES.indexOf(side) as 0 | 1, event);
  }

  /** Has both send what is due of that side's events. Returns whether a packet left. */
  playOn(side: Side): boolean {
    this.#sent = undefined;
    const place = SIDES.indexOf(side) as 0 | 1;
    const goesOn = this.#binding.twinPlayOn(this.#twin, place, this.nowMs, this.#packet, this.#out);
    this.#session[side].playOn(this.nowMs);
    this.#compare(goesOn);
    return goesOn;
  }

  /** Has both write a first report of their own to that side's peer; returns whether there was one. */
  report(side: Side, wallMs: number): boolean {
    // A name whose octets are no UTF-8 is mended by the TypeScript path, which keeps text, and repeated by the other.
    if (this.#session[side].reportFacts.cname?.includes('\ufffd')) return false;
    const ssrc = 0x5eed5eed;
    const random = { uint32: () => ssrc };
    const reporter = new Reporter(
      { ...this.#scheduler, nowMs: () => this.nowMs - 10_000, wallMs: () => wallMs },
      random,
      'us',
    );
    const written = reporter.compose(this.#session[side].reportFacts, this.nowMs)?.datagram ?? Buffer.alloc(0);
    const place = SIDES.indexOf(side) as 0 | 1;
    const length = this.#binding.twinReport(this.#twin, place, ssrc, 'us', this.nowMs, wallMs, this.#packet);
    if (!this.#packet.subarray(0, length).equals(written)) {
      throw new Error(`reports differ: ${written.toString('hex')}, ${this.#packet.toString('hex', 0, length)}`);
    }
    return length > 0;
  }

  /** Ends both legs; their figures must still agree. */
  finish(): void {
    this.#session.finish();
    this.#binding.twinFinish(this.#twin);
    this.#compareRecords();
    this.events.native.push(...this.#binding.twinEvents(this.#twin));
  }

  /** Words of a leg's record as the native path counted. */
  record(side: Side): Float64Array {
    const bytes = this.#records[1];
    return new Float64Array(bytes.buffer, SIDES.indexOf(side) * LEG_BYTES, LEG_WORDS);
  }

  #pair(): SocketPair {
    const socket = (rtcp: boolean) => ({
      send: (bytes: Buffer, port: number, address: string) => {
        this.#sent = { rtcp, bytes, port, address };
        return true;
      },
      close: () => {},
    });
    return { key: '', rtp: socket(false), rtcp: socket(true), user: undefined };
  }

  #compare(goesOn: boolean): void {
    const sent = this.#sent;
    if ((sent !== undefined) !== goesOn) throw new Error(`typescript ${sent ? 'sent' : 'dropped'}, native did not`);
    if (sent) {
      this.forwarded++;
      const [length, rtcp, port] = this.#out;
      if (length !== sent.bytes.length || rtcp !== Number(sent.rtcp) || port !== sent.port) {
        throw new Error(`sent ${sent.bytes.length} to ${sent.port}, native ${length} to ${port}`);
      }
      if (this.#packet.compare(sent.bytes, 0, length, 0, length) !== 0) throw new Error('bytes differ');
    }
    this.#compareRecords();
    for (const fork of this.forks) fork.compareCounts();
  }

  #compareRecords(): void {
    const [typescript, native] = this.#records;
    if (this.#faults > 0) throw new Error('the TypeScript path broke an invariant');
    if (typescript.equals(native)) return;
    const words = (bytes: Buffer) => new Float64Array(bytes.buffer, 0, 2 * LEG_WORDS);
    const at = words(typescript).findIndex((word, index) => !Object.is(word, words(native)[index]));
    throw new Error(`word ${at % LEG_WORDS}: ${words(typescript)[at]} against ${words(native)[at]} in native`);
  }
}
