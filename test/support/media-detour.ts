import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { onTestFinished } from 'vitest';
import { type Impairment, ImpairmentRelay } from '../tools/impairment-relay.js';
import { freePort, freePorts } from './ports.js';

/**
 * A bad network between a caller and the gateway, for callers that know nothing of it: SIP passes over UDP with the
 * media ports in session descriptions changed, so that audio takes the way through an impairment relay.
 *
 *     caller ── SIP ──► detour ── SIP ──► gateway        m=audio <caller>   becomes the relay's back port
 *     caller ── RTP ──► relay  ── RTP ──► gateway        m=audio <gateway>  becomes the relay's front port
 */
export class MediaDetour {
  /** Where callers send SIP to. */
  readonly port: number;
  readonly #socket: Socket;
  readonly #gatewayPort: number;
  readonly #firstPort: number;
  readonly #seed: number;
  readonly #toGateway: Impairment;
  #caller: RemoteInfo | undefined;
  #relay: Promise<ImpairmentRelay> | undefined;
  /** The gateway's media port on the caller's side, once it has answered. */
  gatewayMediaPort = 0;

  constructor(
    socket: Socket,
    options: { gatewayPort: number; firstPort: number; seed: number; toGateway: Impairment },
  ) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.#gatewayPort = options.gatewayPort;
    this.#firstPort = options.firstPort;
    this.#seed = options.seed;
    this.#toGateway = options.toGateway;
    socket.on('message', (bytes, source) => {
      if (source.port === this.#gatewayPort) void this.#fromGateway(bytes);
      else this.#fromCaller(bytes, source);
    });
  }

  /** The relay; there is one once the gateway has sent a session description. */
  get relay(): Promise<ImpairmentRelay> {
    if (!this.#relay) throw new Error('no session description came from the gateway');
    return this.#relay;
  }

  async close(): Promise<void> {
    this.#socket.close();
    await (await this.#relay)?.close();
  }

  #fromCaller(bytes: Buffer, source: RemoteInfo): void {
    this.#caller = source;
    this.#socket.send(askedBack(withMediaPort(bytes, this.#firstPort + 2)), this.#gatewayPort, '127.0.0.1');
  }

  async #fromGateway(bytes: Buffer): Promise<void> {
    const port = mediaPortOf(bytes);
    if (port !== undefined) {
      this.gatewayMediaPort = port;
      const far = { address: '127.0.0.1', rtpPort: port, rtcpPort: port + 1 };
      this.#relay ??= ImpairmentRelay.open(this.#firstPort, { seed: this.#seed, far, toFar: this.#toGateway });
      await this.#relay;
    }
    const { port: callerPort, address } = this.#caller!;
    this.#socket.send(withMediaPort(bytes, this.#firstPort), callerPort, address);
  }
}

/** Opens a detour for one call to the gateway at 127.0.0.1:`gatewayPort`; it closes with the test. */
export async function openMediaDetour(gatewayPort: number, seed: number, toGateway: Impairment): Promise<MediaDetour> {
  const socket = createSocket('udp4');
  const [port, firstPort] = [await freePort(), await freePorts(4)];
  await new Promise<void>((resolve) => socket.bind(port, '127.0.0.1', resolve));
  const detour = new MediaDetour(socket, { gatewayPort, firstPort, seed, toGateway });
  onTestFinished(() => detour.close());
  return detour;
}

const MEDIA_LINE = /^m=audio (\d+) /m;

function mediaPortOf(bytes: Buffer): number | undefined {
  const port = MEDIA_LINE.exec(bytes.toString('latin1'))?.[1];
  return port === undefined ? undefined : Number(port);
}

/** The topmost Via asks for the response where the request came from (RFC 3581): here, not at the caller. */
const askedBack = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replace(/;branch=/, ';rport;branch='), 'latin1');

function withMediaPort(bytes: Buffer, port: number): Buffer {
  const text = bytes.toString('latin1');
  const cut = text.indexOf('\r\n\r\n') + 4;
  const body = text.slice(cut).replace(MEDIA_LINE, `m=audio ${port} `);
  const head = text.slice(0, cut).replace(/^(Content-Length|l)[ \t]*:.*$/im, `$1: ${body.length}`);
  return Buffer.from(head + body, 'latin1');
}
