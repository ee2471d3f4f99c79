import { readDecimal } from './chars.js';
import { type CSeq, parseCSeq } from './cseq.js';
import { SipSyntaxError } from './errors.js';
import { Headers } from './headers.js';
import { mediaType } from './multipart.js';
import { NameAddress } from './name-address.js';
import { reasonPhrase } from './status.js';
import { SipUri } from './uri.js';
import type { Via } from './via.js';
import { firstVia, Views } from './views.js';
import { bytesOf } from './wire-bytes.js';

const NO_BYTES = Buffer.alloc(0);

/** The parts of a received message, as offsets in its bytes. */
export interface Received {
  readonly bytes: Buffer;
  /** Offset of the start line. */
  readonly start: number;
  /** True where Content-Length stands in the header part. */
  readonly isLengthStated: boolean;
  /** Body: [bodyStart, end). */
  readonly bodyStart: number;
  readonly end: number;
}

/**
 * What requests and responses share (RFC 3261 §7). Typed views are read lazily, cached until the headers change, and
 * throw SipSyntaxError where the field is missing or malformed; of a message that the parser accepted, the mandatory
 * ones do not throw. A view is a copy: write changes back with `headers.set`.
 */
export abstract class SipMessage {
  readonly headers: Headers;
  /** Undefined for a message of ours. */
  readonly received: Received | undefined;
  private bodyBytes: Buffer | undefined = undefined;
  private replaced = false;
  private views = new Views();
  private viewsRevision = 0;

  constructor(headers: Headers, received?: Received) {
    this.headers = headers;
    this.received = received;
  }

  /** True while method and Request-URI, or status and reason, are as they came. */
  abstract get isStartLineReceived(): boolean;

  /** The body; of a received message a view of the received bytes. */
  get body(): Buffer {
    this.bodyBytes ??= this.received?.bytes.subarray(this.received.bodyStart, this.received.end) ?? NO_BYTES;
    return this.bodyBytes;
  }

  set body(bytes: Buffer) {
    this.bodyBytes = bytes;
    this.replaced = true;
  }

  /** Length of the body, bytes. */
  get bodyLength(): number {
    if (this.bodyBytes !== undefined) return this.bodyBytes.length;
    return this.received === undefined ? 0 : this.received.end - this.received.bodyStart;
  }

  /** True while the body is as it came. */
  get isBodyReceived(): boolean {
    return this.received !== undefined && !this.replaced;
  }

  get from(): NameAddress {
    const views = this.currentViews();
    views.from ??= NameAddress.parse(this.required('From'));
    return views.from;
  }

  get to(): NameAddress {
    const views = this.currentViews();
    views.to ??= NameAddress.parse(this.required('To'));
    return views.to;
  }

  get callId(): string {
    return this.required('Call-ID');
  }

  get cseq(): CSeq {
    const views = this.currentViews();
    views.cseq ??= parseCSeq(this.required('CSeq'));
    return views.cseq;
  }

  get topVia(): Via {
    const views = this.currentViews();
    views.topVia ??= firstVia(this.required('Via'));
    return views.topVia;
  }

  /** First contact; undefined when there is none or it is `*`. */
  get contact(): NameAddress | undefined {
    return this.contacts[0];
  }

  /** Every contact; none for `*`. */
  get contacts(): NameAddress[] {
    const views = this.currentViews();
    views.contacts ??= this.headers
      .list('Contact')
      .filter((element) => element !== '*')
      .map(NameAddress.parse);
    return views.contacts;
  }

  /** Lower-case type/subtype without parameters. */
  get contentType(): string | undefined {
    const value = this.headers.get('Content-Type');
    return value === undefined ? undefined : mediaType(value);
  }

  /** Raw name-addr texts, top first. */
  get recordRoutes(): string[] {
    return this.headers.list('Record-Route');
  }

  /** Raw name-addr texts, top first. */
  get routes(): string[] {
    return this.headers.list('Route');
  }

  /** Takes the views that the parser has read from the present headers. */
  adoptViews(views: Views): void {
    this.views = views;
    this.viewsRevision = this.headers.revision;
  }

  private required(name: string): string {
    const value = this.headers.get(name);
    if (value === undefined || value === '') throw new SipSyntaxError(`${name}: missing`);
    return value;
  }

  private currentViews(): Views {
    if (this.viewsRevision !== this.headers.revision) {
      this.views = new Views();
      this.viewsRevision = this.headers.revision;
    }
    return this.views;
  }
}

const MAX_MAX_FORWARDS = 2 ** 31 - 1;

export class SipRequest extends SipMessage {
  method: string;
  /** As it came or goes on the wire. */
  requestUri: string;
  private readonly receivedMethod: string;
  private readonly receivedUri: string;
  private parsedUri: SipUri | undefined = undefined;
  private parsedFrom = '';

  constructor(method: string, requestUri: string, headers: Headers, received?: Received) {
    super(headers, received);
    this.method = method;
    this.requestUri = requestUri;
    this.receivedMethod = method;
    this.receivedUri = requestUri;
  }

  get isStartLineReceived(): boolean {
    return this.received !== undefined && this.method === this.receivedMethod && this.requestUri === this.receivedUri;
  }

  /** A request without header fields or body. */
  static create(method: string, requestUri: string): SipRequest {
    return new SipRequest(method, requestUri, new Headers());
  }

  /** The Request-URI, parsed, of any scheme. Throws SipSyntaxError where malformed. */
  get uri(): SipUri {
    if (this.parsedUri === undefined || this.parsedFrom !== this.requestUri) {
      this.parsedUri = SipUri.parse(this.requestUri);
      this.parsedFrom = this.requestUri;
    }
    return this.parsedUri;
  }

  /** Takes the URI that the parser has read from the present Request-URI. */
  adoptUri(uri: SipUri): void {
    this.parsedUri = uri;
    this.parsedFrom = this.requestUri;
  }

  /** Undefined when absent. Throws SipSyntaxError where it is not a number. */
  get maxForwards(): number | undefined {
    const value = this.headers.get('Max-Forwards');
    if (value === undefined) return undefined;
    const hops = readDecimal(bytesOf(value), 0, value.length, MAX_MAX_FORWARDS);
    if (hops < 0) throw new SipSyntaxError('Max-Forwards: not a number');
    return hops;
  }
}

export class SipResponse extends SipMessage {
  /** 100–699. */
  status: number;
  /** Wire text, may be empty. */
  reason: string;
  private readonly receivedStatus: number;
  private readonly receivedReason: string;

  constructor(status: number, reason: string, headers: Headers, received?: Received) {
    super(headers, received);
    this.status = status;
    this.reason = reason;
    this.receivedStatus = status;
    this.receivedReason = reason;
  }

  get isStartLineReceived(): boolean {
    return this.received !== undefined && this.status === this.receivedStatus && this.reason === this.receivedReason;
  }

  /** A response without header fields or body; the registered phrase where none is given. */
  static create(status: number, reason: string = reasonPhrase(status)): SipResponse {
    return new SipResponse(status, reason, new Headers());
  }
}

/** True when a response can be made from what was understood: the fields RFC 3261 §8.2.6.2 copies are there. */
export function isAnswerable(message: SipRequest | SipResponse | undefined): message is SipRequest {
  if (!(message instanceof SipRequest) || message.method === 'ACK') return false;
  const { headers } = message;
  if (!headers.has('From') || !headers.has('To') || !headers.has('Call-ID') || !headers.has('CSeq')) return false;
  try {
    return message.topVia.host !== '';
  } catch (error) {
    if (error instanceof SipSyntaxError) return false;
    throw error;
  }
}
