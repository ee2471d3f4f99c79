import { isBlank, SEMICOLON, SLASH, skipBlanks, TOKEN, trimEnd } from './chars.js';
import { SipSyntaxError } from './errors.js';
import { formatHostPort, parseHostPort } from './host.js';
import { Params } from './params.js';

const PROTOCOL = 'SIP/2.0';

/**
 * One Via element (RFC 3261 §20.42, §18.2.1; rport RFC 3581).
 *
 *     SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK776asdhds;rport
 *     protocol    sent-by        params
 */
export class Via {
  /** Name and version, `SIP/2.0` in every message that is processed. */
  protocol = PROTOCOL;
  /** Upper case. */
  transport: string;
  /** sent-by host, lower case, IPv6 without brackets. */
  host: string;
  port: number | undefined;
  params: Params;

  constructor(transport: string, host: string, port?: number, params: Params = new Params()) {
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
    const start = skipBlanks(text, 0, text.length);
    const end = trimEnd(text, start, text.length);
    const plain = text.startsWith('SIP/2.0/', start);
    return plain ? afterProtocol(text, start + 8, end, PROTOCOL) : spacedProtocol(text, start, end);
  }

  toString(): string {
    return `${this.protocol}/${this.transport} ${formatHostPort(this.host, this.port)}${this.params.toString()}`;
  }
}

function spacedProtocol(text: string, start: number, end: number): Via {
  const nameEnd = tokenEnd(text, start, end);
  const versionStart = afterSlash(text, nameEnd, end);
  const versionEnd = tokenEnd(text, versionStart, end);
  const protocol = `${text.slice(start, nameEnd).toUpperCase()}/${text.slice(versionStart, versionEnd)}`;
  return afterProtocol(text, afterSlash(text, versionEnd, end), end, protocol);
}

function afterProtocol(text: string, start: number, end: number, protocol: string): Via {
  const transportEnd = tokenEnd(text, start, end);
  const transport = text.slice(start, transportEnd);
  const hostStart = skipBlanks(text, transportEnd, end);
  if (hostStart === transportEnd) throw new SipSyntaxError('via: no blank before sent-by');
  let hostEnd = hostStart;
  while (hostEnd < end && text.charCodeAt(hostEnd) !== SEMICOLON) hostEnd++;
  const sentBy = parseHostPort(withoutBlanks(text.slice(hostStart, trimEnd(text, hostStart, hostEnd))));
  const via = new Via(knownTransport(transport), sentBy.host, sentBy.port);
  via.protocol = protocol;
  if (hostEnd < end) via.params.read(end === text.length ? text : text.slice(0, end), hostEnd);
  return via;
}

/** COLON in sent-by may stand between blanks (§25.1). */
const withoutBlanks = (sentBy: string): string => (/\s/.test(sentBy) ? sentBy.replace(/\s*:\s*/, ':') : sentBy);

function knownTransport(transport: string): string {
  return transport === 'UDP' || transport === 'TCP' || transport === 'TLS' ? transport : transport.toUpperCase();
}

function tokenEnd(text: string, start: number, end: number): number {
  let at = start;
  while (at < end && TOKEN[text.charCodeAt(at)] === 1) at++;
  if (at === start) throw new SipSyntaxError('via: malformed sent-protocol');
  return at;
}

function afterSlash(text: string, start: number, end: number): number {
  const at = skipBlanks(text, start, end);
  if (text.charCodeAt(at) !== SLASH) throw new SipSyntaxError('via: malformed sent-protocol');
  let next = at + 1;
  while (next < end && isBlank(text.charCodeAt(next))) next++;
  return next;
}
