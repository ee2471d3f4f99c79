import { skipBlanks, skipClass, TOKEN, trimEnd } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { formatHostPort, readHostPort } from './host.js';
import { Params } from './params.js';
import { bytesOf } from './wire-bytes.js';

const SLASH = 0x2f;

const PROTOCOL = 'SIP/2.0';
const PLAIN = Buffer.from('SIP/2.0/');

/**
 * One Via element (RFC 3261 §20.42, §18.2.1; rport RFC 3581).
 *
 *     SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport
 *     protocol    sent-by        params
 */
export class Via {
  /** Name and version, `SIP/2.0` in every message that is processed. */
  protocol: string;
  /** Upper case. */
  transport: string;
  /** sent-by host, lower case, IPv6 without brackets. */
  host: string;
  port: number | undefined;
  params: Params;

  constructor(transport: string, host: string, port?: number, params: Params = new Params(), protocol = PROTOCOL) {
    this.protocol = protocol;
    this.transport = transport;
    this.host = host;
    this.port = port;
    this.params = params;
  }

  get branch(): string | undefined {
    return this.params.get('branch');
  }

  /** Address in the received parameter, IPv6 without brackets (both forms occur, RFC 5118 §4.5). */
  get received(): string | undefined {
    const received = this.params.get('received');
    return received?.startsWith('[') ? received.slice(1, -1) : received;
  }

  /** The port filled in by the server; true where it is only asked for; undefined when absent or not a port. */
  get rport(): number | true | undefined {
    const rport = this.params.get('rport');
    if (rport === undefined) return undefined;
    if (rport === '') return true;
    const port = /^\d{1,5}$/.test(rport) ? Number(rport) : 0;
    return port >= 1 && port <= 65535 ? port : undefined;
  }

  /**
   * Reads one element; blanks around its slashes and before its host are allowed (RFC 3261 §25.1 sent-protocol).
   * @throws SipSyntaxError where it does not follow the grammar
   */
  static parse(text: string): Via {
    const bytes = bytesOf(text);
    const start = skipBlanks(bytes, 0, text.length);
    const end = trimEnd(bytes, start, text.length);
    const via = new Via('', '');
    if (readInto(via, bytes, text, start, end) < end) throw new SipSyntaxError('via: more than one element');
    return via;
  }

  /** Reads the first element of a trimmed value between two offsets. Throws like parse. */
  static readFirst(bytes: Uint8Array, text: string, start: number, end: number): Via {
    const via = new Via('', '');
    readInto(via, bytes, text, start, end);
    return via;
  }

  toString(): string {
    return `${this.protocol}/${this.transport} ${formatHostPort(this.host, this.port)}${this.params.toString()}`;
  }
}

/** Reads one element. @returns `end`, or the position of a comma before it */
function readInto(via: Via, bytes: Uint8Array, text: string, start: number, end: number): number {
  const transportStart = isPlain(bytes, start, end) ? start + PLAIN.length : readSpaced(via, bytes, text, start, end);
  const transportEnd = endOfToken(bytes, transportStart, end);
  via.transport = transportOf(bytes, text, transportStart, transportEnd);
  const hostStart = skipBlanks(bytes, transportEnd, end);
  if (hostStart === transportEnd) throw new SipSyntaxError('via: no blank before sent-by');
  const sentBy = readHostPort(bytes, text, hostStart, end);
  via.host = sentBy.host;
  via.port = sentBy.port;
  return via.params.read(bytes, text, skipBlanks(bytes, sentBy.end, end), end);
}

function isPlain(bytes: Uint8Array, start: number, end: number): boolean {
  if (start + PLAIN.length >= end) return false;
  for (let at = 0; at < PLAIN.length; at++) if (bytes[start + at] !== PLAIN[at]) return false;
  return true;
}

/** Reads protocol name and version with blanks around the slashes. @returns position of the transport */
function readSpaced(via: Via, bytes: Uint8Array, text: string, start: number, end: number): number {
  const nameEnd = endOfToken(bytes, start, end);
  const versionStart = afterSlash(bytes, nameEnd, end);
  const versionEnd = endOfToken(bytes, versionStart, end);
  via.protocol = `${text.slice(start, nameEnd).toUpperCase()}/${text.slice(versionStart, versionEnd)}`;
  return afterSlash(bytes, versionEnd, end);
}

function endOfToken(bytes: Uint8Array, start: number, end: number): number {
  const at = skipClass(TOKEN, bytes, start, end);
  if (at === start) throw new SipSyntaxError('via: malformed sent-protocol');
  return at;
}

function afterSlash(bytes: Uint8Array, start: number, end: number): number {
  const at = skipBlanks(bytes, start, end);
  if (at >= end || bytes[at] !== SLASH) throw new SipSyntaxError('via: malformed sent-protocol');
  return skipBlanks(bytes, at + 1, end);
}

/** The three common transports without cutting a string. */
function transportOf(bytes: Uint8Array, text: string, start: number, end: number): string {
  if (end - start === 3) {
    const letters = (bytes[start]! << 16) | (bytes[start + 1]! << 8) | bytes[start + 2]!;
    if (letters === LETTERS_UDP) return 'UDP';
    if (letters === LETTERS_TCP) return 'TCP';
    if (letters === LETTERS_TLS) return 'TLS';
  }
  return text.slice(start, end).toUpperCase();
}

const LETTERS_UDP = 0x554450;
const LETTERS_TCP = 0x544350;
const LETTERS_TLS = 0x544c53;
