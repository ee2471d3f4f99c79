import { Counters, type GatewayError, type Random, silentLogger, systemScheduler } from '../core/index.js';
import {
  audioMedia,
  createLocator,
  type Dialog,
  type InboundLeg,
  type MessageBody,
  mediaAddress,
  parseSdp,
  SdpError,
  SipCore,
  type SipMessage,
  SipTransports,
} from '../sip/index.js';
import type { AudioEnd, RemoteAudio } from './audio-end.js';

/**
 * A telephone for the demonstration: just enough of a SIP user agent to call or to answer once, over UDP. It stands
 * outside the gateway, on a socket of its own, and knows nothing of it but an address.
 */
export interface SipEndEvents {
  /** A call came in. */
  readonly onInvite?: () => void;
  readonly onRinging?: () => void;
  readonly onAnswered?: (remote: RemoteAudio) => void;
  /** Over: hung up by the other side, refused or failed. */
  readonly onEnded: (reason: string) => void;
}

/** How long the answering end rings, ms. */
const RING_MS = 700;

export class SipEnd {
  readonly address: string;
  readonly port: number;
  readonly #core: SipCore;
  readonly #transports: SipTransports;
  readonly #number: string;
  readonly #audio: AudioEnd;
  readonly #events: SipEndEvents;
  #dialog: Dialog | undefined;

  private constructor(core: SipCore, transports: SipTransports, number: string, audio: AudioEnd, events: SipEndEvents) {
    this.#core = core;
    this.#transports = transports;
    this.#number = number;
    this.#audio = audio;
    this.#events = events;
    ({ address: this.address, port: this.port } = transports.listeners()[0]!);
    core.handler = {
      onInvite: (leg) => this.#ring(leg),
      onRequest: (request) => request.respond(request.request.method === 'OPTIONS' ? 200 : 405),
    };
  }

  /** Opens a telephone with that number on a free UDP port of `audio`'s address. */
  static async open(number: string, audio: AudioEnd, random: Random, events: SipEndEvents): Promise<SipEnd> {
    const parts = { scheduler: systemScheduler, random, logger: silentLogger, counters: new Counters() };
    const listeners = [{ transport: 'udp' as const, address: audio.address, port: 0 }];
    const transports = new SipTransports({ listeners, ...parts });
    const locator = createLocator({ transports, ...parts });
    const core = new SipCore({
      wire: transports,
      locator,
      ...parts,
      options: { userAgent: 'Trunkline demo telephone' },
    });
    await transports.start(core);
    return new SipEnd(core, transports, number, audio, events);
  }

  /** Calls `number` by way of the server at `address:port`. Gives the Call-ID. */
  call(number: string, address: string, port: number): string {
    const leg = this.#core.invite({
      requestUri: `sip:${number}@${address}:${port}`,
      nextHop: { host: address, port, transport: 'udp' },
      from: `"Demo PBX" <sip:${this.#number}@${this.address}:${this.port}>`,
      to: `<sip:${number}@${address}:${port}>`,
      headers: [],
      body: this.#description(),
      noResponseTimeoutMs: 5000,
      connectTimeoutMs: 2000,
      reliableProvisional: 'off',
      handler: {
        onSent: () => {},
        onProvisional: (response) => {
          if (response.status === 180 || response.status === 183) this.#events.onRinging?.();
        },
        onAnswered: (response, dialog) => {
          dialog.ack();
          this.#answered(dialog, response)?.();
        },
        onRejected: (response) => this.#events.onEnded(`refused: ${response.status} ${response.reason}`),
        onFailed: (error) => this.#events.onEnded(error.message),
      },
    });
    return leg.callId;
  }

  /** Resolves when the BYE is answered, or given up. */
  hangUp(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#dialog) this.#dialog.bye([], () => resolve());
      else resolve();
    });
  }

  async close(): Promise<void> {
    this.#audio.stop();
    await this.#transports.stop();
  }

  #ring(leg: InboundLeg): void {
    const ignored = (): void => {};
    this.#events.onInvite?.();
    let speak: (() => void) | undefined;
    const answer = systemScheduler.after(RING_MS, () => {
      const dialog = leg.accept({ body: this.#description() });
      speak = this.#answered(dialog, leg.request);
    });
    leg.handler = {
      onCancel: () => {
        answer.cancel();
        this.#events.onEnded('cancelled by the caller');
      },
      // What is said before the caller's side has the answer may find nobody who knows where to pass it on.
      onAck: () => {
        speak?.();
        speak = undefined;
      },
      onAckTimeout: () => this.#events.onEnded('no ACK'),
      onPrack: (request) => request.respond(200),
      onPrackTimeout: ignored,
      onTransportError: (error: GatewayError) => this.#events.onEnded(error.message),
    };
    leg.provisional(180);
  }

  /** Gives what starts the audio, where the other side described one. */
  #answered(dialog: Dialog, message: SipMessage): (() => void) | undefined {
    this.#dialog = dialog;
    dialog.handler = {
      onBye: () => {
        this.#audio.silence();
        this.#events.onEnded('hung up by the other side');
      },
      onReinvite: (request) => request.respond(488),
      onAck: () => {},
      onRequest: (request) => request.respond(200),
      onSessionExpired: () => this.#events.onEnded('session expired'),
      onDialogFailed: (error) => this.#events.onEnded(error.message),
    };
    const remote = audioOf(message);
    if (!remote) {
      this.#events.onEnded('no audio in the session description');
      return undefined;
    }
    this.#events.onAnswered?.(remote);
    return () => this.#audio.start(remote);
  }

  #description(): MessageBody {
    return { contentType: 'application/sdp', bytes: this.#audio.sdp() };
  }
}

/** Where a message's session description wants audio to be sent. */
function audioOf(message: SipMessage): RemoteAudio | undefined {
  const description = parseSdp(message.body);
  if (description instanceof SdpError) return undefined;
  const media = audioMedia(description);
  const where = media && mediaAddress(description, media);
  return where && { address: where.address, port: where.rtpPort };
}
