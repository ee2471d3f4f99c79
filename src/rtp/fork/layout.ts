/**
 * The memory of one fork: a queue from a packet path (one writer, in any thread) to JavaScript (one reader), bounded, in
 * slots of a fixed size. The path allocates nothing, wakes nobody and never waits; the reader polls.
 *
 *     SharedArrayBuffer │ head, copied, dropped, oversized │ tail │ slot 0 │ slot 1 │ …
 *                       └ 64 bytes, the writer's          └ 64, the reader's
 *
 *     slot │ atMs f64 │ length u32 │ flags u32 │ peer port u32 │ peer address, 16 bytes │ pad │ packet …
 *
 * `head` and `tail` count slots written and read, modulo 2^32, and are loaded and stored atomically; the number of slots
 * is a power of two. Counters are doubles, exact up to 2^53, that only the writer changes. Numbers are in the machine's
 * byte order. `src/rtp/native/fork.h` has the same numbers; a test keeps both equal.
 */
export const FORK = {
  /** 32-bit words from the start */
  headWord: 0,
  tailWord: 16,
  /** 64-bit words from the start */
  copiedWord: 1,
  droppedWord: 2,
  oversizedWord: 3,
  firstSlotByte: 128,
  slotBytes: 2112,
  /** Bytes within a slot */
  atMsByte: 0,
  lengthByte: 8,
  flagsByte: 12,
  portByte: 16,
  addressByte: 20,
  packetByte: 64,
  maxPacketBytes: 2048,
} as const;

/** Flags of a slot: what the packet is, whether our RTCP socket carried it, whether the peer's address is IPv6. */
export const FORK_FLAG = { rtcp: 1, udptl: 2, rtcpSocket: 4, six: 8 } as const;

export const MAX_QUEUED = 8192;
export const DEFAULT_QUEUED = 512;

/** Slots for so many waiting packets: the next power of two. */
export const slotsFor = (maxQueued: number): number => 2 ** Math.ceil(Math.log2(maxQueued));

/** Memory for a queue of `maxQueued` packets, all zero: empty. */
export const forkMemory = (maxQueued: number): SharedArrayBuffer =>
  new SharedArrayBuffer(FORK.firstSlotByte + slotsFor(maxQueued) * FORK.slotBytes);
