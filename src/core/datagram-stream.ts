/**
 * Node's handle of a byte stream, reading and writing a connected UDP socket that somebody else has opened: each read is
 * one datagram, each write sends one. It costs less than the UDP handle beneath `node:dgram`: one receive instead of two,
 * into memory that is there, without an object, two buffers and a text for the address of each.
 *
 * The descriptor stays its owner's, and a stream handle that is closed closes its descriptor. So none ever is: there is
 * one for each descriptor number, for as long as the thread lives, and when a number comes again (they do: the system
 * gives the lowest that is free) its handle is used again. A thread that has such handles must live until the process
 * ends: Node closes the handles of a thread that ends, and the numbers may be somebody else's by then.
 *
 * Internal to Node, like `udpBinding`: used where it is found to be as described, on Linux.
 */
interface StreamHandle {
  /** Takes a descriptor on; again too, where it is the same number. */
  open(descriptor: number): number;
  /** Where to read to; once. */
  useUserBuffer(memory: Buffer): void;
  readStart(): number;
  readStop(): number;
  writeBuffer(request: WriteRequest, datagram: Buffer): number;
  /** Called for each read; its length, or a negative errno, stands in the binding's state. */
  onread: (this: never) => void;
}

interface WriteRequest {
  datagram?: Buffer;
  oncomplete?: (status: number) => void;
}

interface StreamBinding {
  readonly Pipe: new (type: number) => StreamHandle;
  readonly constants: { readonly SOCKET: number };
  readonly WriteWrap: new () => WriteRequest;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
}

const METHODS = ['open', 'useUserBuffer', 'readStart', 'readStop', 'writeBuffer'];

function streamBinding(): StreamBinding | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Partial<StreamBinding> };
  if (process.platform !== 'linux') return undefined;
  try {
    const all = { ...binding?.call(process, 'pipe_wrap'), ...binding?.call(process, 'stream_wrap') };
    const fits =
      METHODS.every((method) => typeof all.Pipe?.prototype[method] === 'function') &&
      typeof all.WriteWrap === 'function' &&
      all.constants?.SOCKET !== undefined &&
      all.streamBaseState !== undefined &&
      all.kReadBytesOrError !== undefined &&
      all.kLastWriteWasAsync !== undefined;
    return fits ? (all as StreamBinding) : undefined;
  } catch {
    // Not allowed, or not there: the same answer.
    return undefined;
  }
}

const binding = streamBinding();
/** What a stream's end is read as. */
const UV_EOF = -4095;

/** Where every stream of this thread reads to: one datagram is dealt with before the next is read. */
const incoming = Buffer.allocUnsafeSlow(1 << 16);
const EMPTY = Buffer.alloc(0);

/** Views of its first octets, by their number: the packets of a voice stream have a few sizes. */
const MAX_KEPT_VIEW = 2048;
const views = new Array<Buffer | undefined>(MAX_KEPT_VIEW + 1).fill(undefined);

function firstOctets(length: number): Buffer {
  const known = views[length];
  if (known !== undefined) return known;
  const view = incoming.subarray(0, length);
  if (length <= MAX_KEPT_VIEW) views[length] = view;
  return view;
}

/** Whoever gets what a stream reads. */
export interface StreamReceiver {
  /** A datagram came; its memory is good until this returns. It must not throw. */
  onDatagram(datagram: Buffer): void;
}

export interface DatagramStream {
  /** Reads from now on. Returns whether it does. */
  start(receiver: StreamReceiver): boolean;
  /** Reads no more; `then` is called, at once or later, when nothing waits to be sent, and the descriptor may be closed. */
  stop(then: () => void): void;
  /**
   * Sends at once, or queues: then false, and the datagram's memory is in use until it has left. Undefined when it was
   * not sent: the system had an error to tell of an earlier datagram, or of this.
   */
  send(datagram: Buffer): boolean | undefined;
}

const byDescriptor = new Map<number, DatagramStream>();
const make = binding && streamMaker(binding);

/** The stream of a descriptor; undefined where Node has none that fits. */
export function datagramStream(descriptor: number): DatagramStream | undefined {
  if (!make || descriptor < 0) return undefined;
  let stream = byDescriptor.get(descriptor);
  if (!stream) {
    stream = make(descriptor);
    byDescriptor.set(descriptor, stream);
  }
  return stream;
}

/** A stream is a handle, and all have one function for what is read: one object a packet meets, not four. */
function streamMaker({
  Pipe,
  constants,
  WriteWrap,
  streamBaseState,
  kReadBytesOrError,
  kLastWriteWasAsync,
}: StreamBinding) {
  /** What writes are asked with; all share one, as a write that does not queue is done with it at once. */
  let request = new WriteWrap();

  class HandleStream extends Pipe implements DatagramStream {
    #receiver: StreamReceiver | undefined;
    readonly #descriptor: number;
    #waiting = 0;
    #onIdle: (() => void) | undefined;

    constructor(descriptor: number) {
      super(constants.SOCKET);
      this.#descriptor = descriptor;
      this.useUserBuffer(incoming);
      this.onread = onread;
    }

    start(receiver: StreamReceiver): boolean {
      this.#receiver = receiver;
      if (this.#resume()) return true;
      this.#receiver = undefined;
      return false;
    }

    stop(then: () => void): void {
      this.#receiver = undefined;
      this.readStop();
      if (this.#waiting === 0) then();
      else this.#onIdle = then;
    }

    send(datagram: Buffer): boolean | undefined {
      const failed = this.writeBuffer(request, datagram);
      if (failed !== 0) return undefined;
      if (streamBaseState[kLastWriteWasAsync] === 0) return true;
      this.#queued(datagram);
      return false;
    }

    take(length: number): void {
      const receiver = this.#receiver;
      if (receiver === undefined) return;
      if (length > 0) return receiver.onDatagram(firstOctets(length));
      // An empty datagram looks like the end of a stream, and an ICMP error about what we sent like one that broke:
      // both stop the handle, and are of one datagram only.
      setImmediate(() => this.#resume());
      if (length === UV_EOF) receiver.onDatagram(EMPTY);
    }

    #resume(): boolean {
      if (this.#receiver === undefined) return false;
      return this.open(this.#descriptor) === 0 && this.readStart() === 0;
    }

    #queued(datagram: Buffer): void {
      this.#waiting++;
      request.datagram = datagram;
      request.oncomplete = () => {
        this.#waiting--;
        if (this.#waiting > 0) return;
        this.#onIdle?.();
        this.#onIdle = undefined;
      };
      request = new WriteWrap();
    }
  }

  // Without a value: what it returns would be where to read to next.
  function onread(this: HandleStream): void {
    this.take(streamBaseState[kReadBytesOrError]!);
  }

  return (descriptor: number): DatagramStream => new HandleStream(descriptor);
}
