import { skipBlanks, TOKEN, trimEnd } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { formatHostPort, readHostPort } from './host.js';
import { Params } from './params.js';
import { bytesOf } from './wire-bytes.js';

const SLASH = 0x2f;
const tokenCharacter = TOKEN;

const PROTOCOL = 'SIP/2.0';
const PLAIN_PREFIX = 'SIP/2.0/';

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
    const reader = new ViaReader(bytes, text, start, trimEnd(bytes, start, text.length));
    const via = reader.read();
    if (reader.at < reader.end) throw new SipSyntaxError('via: more than one element');
    return via;
  }

  /** Reads the first element of a trimmed value between two offsets. Throws like parse. */
  static readFirst(bytes: Uint8Array, text: string, start: number, end: number): Via {
    return new ViaReader(bytes, text, start, end).read();
  }

  toString(): string {
    return `${this.protocol}/${this.transport} ${formatHostPort(this.host, this.port)}${this.params.toString()}`;
  }
}

/** Reads one element and stops at a comma or the end. */
class ViaReader {
  private readonly bytes: Uint8Array;
  private readonly text: string;
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, text: string, start: number, end: number) {
    this.bytes = bytes;
    this.text = text;
    this.at = start;
    this.end = end;
  }

  read(): Via {
    const { bytes, text, end } = this;
    const protocol = this.protocol();
    const transport = knownTransport(this.token());
    const hostStart = skipBlanks(bytes, this.at, end);
    if (hostStart === this.at) throw new SipSyntaxError('via: no blank before sent-by');
    const sentBy = readHostPort(bytes, text, hostStart, end);
    const params = new Params();
    this.at = params.read(bytes, text, skipBlanks(bytes, sentBy.end, end), end);
    return new Via(transport, sentBy.host, sentBy.port, params, protocol);
  }

  private protocol(): string {
    if (this.text.startsWith(PLAIN_PREFIX, this.at)) {
      this.at += PLAIN_PREFIX.length;
      return PROTOCOL;
    }
    const name = this.token();
    this.slash();
    const version = this.token();
    this.slash();
    return `${name.toUpperCase()}/${version}`;
  }

  private token(): string {
    const start = this.at;
    while (this.at < this.end && tokenCharacter[this.bytes[this.at]!] === 1) this.at++;
    if (this.at === start) throw new SipSyntaxError('via: malformed sent-protocol');
    return this.text.slice(start, this.at);
  }

  private slash(): void {
    const at = skipBlanks(this.bytes, this.at, this.end);
    if (at >= this.end || this.bytes[at] !== SLASH) throw new SipSyntaxError('via: malformed sent-protocol');
    this.at = skipBlanks(this.bytes, at + 1, this.end);
  }
}

function knownTransport(transport: string): string {
  return transport === 'UDP' || transport === 'TCP' || transport === 'TLS' ? transport : transport.toUpperCase();
}
