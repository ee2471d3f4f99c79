import { parseDecimal } from './chars.js';
import { type CSeq, parseCSeq } from './cseq.js';
import { SipSyntaxError } from './errors.js';
import { Headers } from './headers.js';
import { firstElement } from './lists.js';
import { mediaType } from './multipart.js';
import { NameAddress } from './name-address.js';
import { reasonPhrase } from './status.js';
import { SipUri } from './uri.js';
import { Via } from './via.js';

/** Where the body of a received message lies. */
export interface BodySlice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

const NO_BYTES = Buffer.alloc(0);
const NO_BODY: BodySlice = { bytes: NO_BYTES, start: 0, end: 0 };

/** Typed views of header fields, each read once per revision of the headers. */
interface Views {
  from?: NameAddress;
  to?: NameAddress;
  cseq?: CSeq;
  topVia?: Via;
  contacts?: NameAddress[];
}

/**
 * What requests and responses share (RFC 3261 §7). Typed views are read lazily, cached until the headers change, and
 * throw SipSyntaxError where the field is missing or malformed; of a message that the parser accepted, the mandatory
 * ones do not throw. A view is a copy: write changes back with `headers.set`.
 */
export abstract class SipMessage {
  readonly headers: Headers;
  private readonly received: BodySlice;
  private ownBody: Buffer | undefined = undefined;
  private views: Views = {};
  private viewsRevision = 0;

  constructor(headers: Headers, received: BodySlice = NO_BODY) {
    this.headers = headers;
    this.received = received;
  }

  /** The body; of a received message a view of the received bytes. */
  get body(): Buffer {
    this.ownBody ??= this.received.bytes.subarray(this.received.start, this.received.end);
    return this.ownBody;
  }

  set body(bytes: Buffer) {
    this.ownBody = bytes;
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
    views.topVia ??= Via.parse(firstElement(this.required('Via')));
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

  private required(name: string): string {
    const value = this.headers.get(name);
    if (value === undefined || value === '') throw new SipSyntaxError(`${name}: missing`);
    return value;
  }

  private currentViews(): Views {
    if (this.viewsRevision !== this.headers.revision) {
      this.views = {};
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
  private parsedUri: SipUri | undefined = undefined;
  private parsedFrom = '';

  constructor(method: string, requestUri: string, headers: Headers, received?: BodySlice) {
    super(headers, received);
    this.method = method;
    this.requestUri = requestUri;
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

  /** Undefined when absent. Throws SipSyntaxError where it is not a number. */
  get maxForwards(): number | undefined {
    const value = this.headers.get('Max-Forwards');
    if (value === undefined) return undefined;
    const hops = parseDecimal(value, MAX_MAX_FORWARDS);
    if (hops < 0) throw new SipSyntaxError('Max-Forwards: not a number');
    return hops;
  }
}

export class SipResponse extends SipMessage {
  /** 100–699. */
  status: number;
  /** Wire text, may be empty. */
  reason: string;

  constructor(status: number, reason: string, headers: Headers, received?: BodySlice) {
    super(headers, received);
    this.status = status;
    this.reason = reason;
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
