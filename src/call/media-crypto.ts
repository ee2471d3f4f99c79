import { GatewayError, type Random } from '../core/index.js';
import {
  acceptSdesAnswer,
  isSdesAnswer,
  negotiateSdes,
  offerSdes,
  type SdesAnswer,
  type SdesKeys,
  type SdesOfferLine,
  type SdesPolicy,
} from '../rtp/index.js';
import { cryptoLines, type MediaSection } from '../sip/index.js';

export type EncryptionMode = 'off' | 'offered' | 'required';

/** What goes into a description we send: transport profile and a=crypto values. */
export interface CryptoPart {
  readonly profile: string;
  readonly crypto: readonly string[];
}

const NOTHING: CryptoPart = { profile: 'RTP/AVP', crypto: [] };

/**
 * SDES on one side of a call (RFC 4568): our offers and answers, the peer's, and the keys they agree on.
 *
 *   off       we offer RTP/AVP; an RTP/SAVP offer of the peer is still answered with SRTP, because it can be no other way
 *   offered   we offer RTP/AVP with crypto lines (best effort); clear media is accepted
 *   required  we offer RTP/SAVP; clear media is refused with 488, and so is T.38, which UDPTL carries in clear
 *
 * Whatever the mode, a side that has agreed on SRTP stays with it: a later offer in clear, a clear answer to an offer of
 * ours that had its keys, and T.38 are refused with 488, and the call goes on as it was. So nobody who changes a
 * description on its way takes the encryption off a call.
 *
 * Keys are fresh for each attempt and stay over re-INVITEs as long as the peer keeps its own, so that the rollover
 * counter goes on (RFC 3711 §3.3.1).
 */
export class MediaCrypto {
  readonly #random: Random;
  readonly #policy: SdesPolicy;
  mode: EncryptionMode;
  #offered: readonly SdesOfferLine[] = [];
  /** Our last offer was one of RTP/SAVP: a clear answer is none to it (RFC 3264 §6, RFC 4568 §5.1.3). */
  #offeredSecure = false;
  #answerLine: string | undefined;
  /** Profile of the peer's last offer, which our answer has too (RFC 3264 §6). */
  #answerProfile = 'RTP/SAVP';
  #keys: SdesKeys | undefined;

  constructor(mode: EncryptionMode, random: Random, policy: SdesPolicy = {}) {
    this.mode = mode;
    this.#random = random;
    this.#policy = policy;
  }

  /** Keys agreed on; undefined while media is in clear. */
  get keys(): SdesKeys | undefined {
    return this.#keys;
  }

  /** Suite in use, or `none`. */
  get suite(): string {
    return this.#keys?.send.suite ?? 'none';
  }

  /** A new attempt: nothing of the one before is used again. */
  restart(mode: EncryptionMode): void {
    this.mode = mode;
    this.#offered = [];
    this.#offeredSecure = false;
    this.#answerLine = undefined;
    this.#keys = undefined;
  }

  /** What our offer to this side carries. */
  offer(): CryptoPart {
    this.#offeredSecure = this.mode === 'required' || this.#keys !== undefined;
    if (this.mode === 'off' && !this.#keys) return NOTHING;
    if (!this.#keys) this.#offered = offerSdes(this.#policy, this.#random);
    else this.#offered = this.#offered.filter(({ send }) => send.key.equals(this.#keys!.send.key));
    if (this.#offered.length === 0) this.#offered = this.#reoffer();
    const profile = this.#offeredSecure ? 'RTP/SAVP' : 'RTP/AVP';
    return { profile, crypto: this.#offered.map(({ line }) => attributeValue(line)) };
  }

  /** We answered before and now offer: the key we send with stays. */
  #reoffer(): readonly SdesOfferLine[] {
    const { send } = this.#keys!;
    return [{ tag: 1, send, line: `a=crypto:1 ${send.suite} inline:${send.key.toString('base64')}` }];
  }

  /** What our answer to this side carries. */
  answer(): CryptoPart {
    return this.#answerLine === undefined
      ? NOTHING
      : { profile: this.#answerProfile, crypto: [attributeValue(this.#answerLine)] };
  }

  /**
   * A T.38 stream is to go to or come from this side: UDPTL has no SRTP, so it may not where media must be encrypted, or
   * was agreed to be.
   * @throws GatewayError `media.t38-unencrypted` (488)
   */
  allowFax(): void {
    if (this.mode !== 'required' && !this.#keys) return;
    throw new GatewayError('media.t38-unencrypted', 'T.38 is not encrypted, and media on this call is', {
      origin: 'remote',
      sipStatus: 488,
    });
  }

  /** Whether an offer of this side may be taken; changes nothing. @throws GatewayError as `receiveOffer` */
  vetOffer(media: MediaSection | undefined): void {
    if (media?.isRtp) this.#judgeOffer(media);
  }

  /** Takes the offer of this side. @throws GatewayError `media.srtp-required`, `media.srtp-unsupported` (488) */
  receiveOffer(media: MediaSection | undefined): void {
    if (!media || media.isUdptl) return;
    const result = this.#judgeOffer(media);
    if (!result) return this.#forget();
    const before = this.#keys;
    const unchanged =
      before && before.receive.suite === result.receive.suite && before.receive.key.equals(result.receive.key);
    this.#keys = unchanged ? before : { receive: result.receive, send: result.send };
    const { send } = this.#keys;
    const tag = /^a=crypto:(\d+)/.exec(result.line)![1];
    this.#answerLine = `a=crypto:${tag} ${send.suite} inline:${send.key.toString('base64')}`;
    this.#answerProfile = media.protocol;
  }

  /** What an offer comes to; undefined: clear media, which is allowed. */
  #judgeOffer(media: MediaSection): SdesAnswer | undefined {
    const result = negotiateSdes(cryptoLines(media), this.#policy, this.#random);
    if (isSdesAnswer(result)) return result;
    this.#allowClear(media, this.#keys !== undefined);
    return undefined;
  }

  /** Whether an answer of this side may be taken; changes nothing. @throws GatewayError as `receiveAnswer` */
  vetAnswer(media: MediaSection | undefined): void {
    if (media?.isUdptl) return;
    if (!media || media.port === 0) this.#rejected();
    else this.#judgeAnswer(media);
  }

  /** Takes the answer of this side to our offer. @throws GatewayError as `receiveOffer`, `media.streams-rejected` (488) */
  receiveAnswer(media: MediaSection | undefined): void {
    if (media?.isUdptl) return;
    if (!media || media.port === 0) return this.#rejected();
    const keys = this.#judgeAnswer(media);
    if (keys) this.#keys = keys;
    else this.#forget();
  }

  /** The keys that an answer brings; undefined: clear media, which is allowed. */
  #judgeAnswer(media: MediaSection): SdesKeys | undefined {
    const lines = cryptoLines(media);
    if (lines.length === 0 || this.#offered.length === 0) {
      this.#allowClear(media, this.#offeredSecure);
      return undefined;
    }
    const keys = acceptSdesAnswer(this.#offered, lines);
    if ('fault' in keys) throw unsupported(`SRTP answer not usable: ${keys.fault}`);
    return keys;
  }

  /**
   * Every stream was rejected, which an answer may do (RFC 3264 §6): in clear the call passes as it is. Where media must
   * be encrypted it says that the peer has no SRTP that we offered, and a call that begins so never has media.
   * Later, with keys agreed, streams may be given up.
   */
  #rejected(): void {
    if (this.mode !== 'required' || this.#keys) return;
    throw new GatewayError('media.streams-rejected', 'Every media stream was rejected where encryption is required', {
      origin: 'remote',
      sipStatus: 488,
    });
  }

  /**
   * Media without keys: fine where clear media is, and never where the profile is a secure one.
   * @param sealed  SRTP was agreed on before, or offered alone
   */
  #allowClear({ protocol }: MediaSection, sealed: boolean): void {
    if (/SAVP/i.test(protocol)) {
      throw unsupported('No usable a=crypto line: suite, MKI or session parameter not supported');
    }
    if (this.mode !== 'required' && !sealed) return;
    throw new GatewayError('media.srtp-required', 'Encrypted media is required here', {
      origin: 'remote',
      sipStatus: 488,
    });
  }

  #forget(): void {
    this.#keys = undefined;
    this.#answerLine = undefined;
  }
}

const attributeValue = (line: string): string => line.slice('a=crypto:'.length);

const unsupported = (message: string): GatewayError =>
  new GatewayError('media.srtp-unsupported', message, { origin: 'remote', sipStatus: 488 });
