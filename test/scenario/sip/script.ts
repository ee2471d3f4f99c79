/**
 * SIPp scenarios written as scripts: what one side of a call sends and expects, in order. A script becomes the XML that
 * SIPp runs; headers that a later message repeats are saved by SIPp itself under the label of the request they came in.
 *
 *     caller                                   answerer
 *     call.invite({ sdp: AUDIO })              call.on('INVITE')
 *     call.expect(180).expect(200).ack()       call.reply(180).reply(200, { sdp: AUDIO }).on('ACK')
 *     call.request('BYE').expect(200)          call.on('BYE').reply(200)
 */

/** Who a side is and where it can be reached. */
export interface Place {
  readonly role: 'caller' | 'answerer';
  readonly via: 'UDP' | 'TCP' | 'TLS';
  /** Host of the Request-URI of the first INVITE. */
  readonly host: string;
  /** `address:port` at which the other side finds this one. */
  readonly contact: string;
  readonly called: string;
  readonly caller: string;
  /** One record-routing proxy stands between: two Via rows, but in CANCEL, which goes from hop to hop; a Record-Route. */
  readonly behindProxy?: true;
}

export interface MessageParts {
  /** Further header lines. */
  readonly headers?: readonly string[];
  /** Session description; the keywords of SIPp are replaced in it. */
  readonly sdp?: string;
  /** Any other body. */
  readonly body?: { readonly type: string; readonly text: string };
  /** To tag of a first response, where it is not the usual one: a fork of its own. */
  readonly tag?: string;
}

export interface ReplyParts extends MessageParts {
  /** Label of the request that is answered; default the last one received. */
  readonly to?: string;
  readonly reason?: string;
  /** Not repeated until its ACK: the peer is not expected to send one in this place. */
  readonly once?: boolean;
}

export interface ExpectParts {
  readonly optional?: boolean;
  /** Takes remote target and RSeq from the response. */
  readonly reliable?: boolean;
}

/** One audio stream, both ways. */
export const AUDIO = audio('sendrecv');

/** One audio stream in a direction (RFC 3264 §5.1), or another version of it. */
export function audio(direction: 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive', version = 1, format = '0'): string {
  return [
    ...sessionLines(version),
    `m=audio [media_port] RTP/AVP ${format}`,
    format === '0' ? 'a=rtpmap:0 PCMU/8000' : 'a=rtpmap:8 PCMA/8000',
    `a=${direction}`,
  ].join('\n');
}

/** One audio stream that SIPp can play into: see `play`. */
export const PLAYED = AUDIO.replace('[media_port]', '[rtpstream_audio_port]');

/** Fax over UDPTL in place of the audio stream (T.38 annex D). */
export const FAX = [
  ...sessionLines(2),
  'm=audio 0 RTP/AVP 0',
  'm=image [media_port] udptl t38',
  'a=T38FaxVersion:0',
  'a=T38MaxBitRate:14400',
  'a=T38FaxRateManagement:transferredTCF',
  'a=T38FaxUdpEC:t38UDPRedundancy',
].join('\n');

function sessionLines(version: number): string[] {
  return [
    'v=0',
    `o=peer 1 ${version} IN IP[media_ip_type] [media_ip]`,
    's=-',
    'c=IN IP[media_ip_type] [media_ip]',
    't=0 0',
  ];
}

/** Requests whose responses say where the peer is. */
const TARGET_METHODS = new Set(['INVITE', 'UPDATE']);

/** Headers saved from each request: enough to answer it later, after others have come. */
const SAVED = ['Via', 'From', 'To', 'CSeq', 'Contact'] as const;

export class Script {
  readonly place: Place;
  readonly #steps: string[] = [];
  readonly #variables = new Set<string>();
  #sequence = 0;
  #inviteSequence = 0;
  #last = '';
  #first = true;
  /** Method of the request last sent. */
  #asked = '';
  /** An INVITE was sent whose 100 has not been scripted. */
  #awaitsTrying = false;

  constructor(place: Place) {
    this.place = place;
  }

  /** The first INVITE (or, with credentials, its second try). */
  invite(parts: MessageParts = {}): this {
    const { called, host } = this.place;
    this.#inviteSequence = ++this.#sequence;
    this.#asked = 'INVITE';
    const lines = [...this.#outgoing(`INVITE sip:${called}@${host}`, 'INVITE', this.#sequence, false), this.#contact()];
    this.#send(lines, parts, true);
    this.#awaitsTrying = true;
    return this;
  }

  /** Any request inside the dialog, INVITE too. */
  request(method: string, parts: MessageParts = {}): this {
    const sequence = ++this.#sequence;
    this.#asked = method === 'PRACK' ? 'INVITE' : method;
    if (method === 'INVITE') this.#inviteSequence = sequence;
    const lines = this.#outgoing(`${method} [next_url]`, method, sequence, true);
    if (method === 'INVITE' || method === 'UPDATE' || method === 'REFER') lines.push(this.#contact());
    this.#send(lines, parts, true);
    if (method === 'INVITE') this.#awaitsTrying = true;
    return this;
  }

  /** ACK for a 2xx to the last INVITE. */
  ack(parts: MessageParts = {}): this {
    this.#send(this.#outgoing('ACK [next_url]', 'ACK', this.#inviteSequence, true), parts, false);
    return this;
  }

  /** ACK for a refusal: part of the INVITE's own transaction (RFC 3261 §17.1.1.3). */
  ackRefusal(): this {
    const { called, host } = this.place;
    const target = this.#first ? `sip:${called}@${host}` : '[next_url]';
    this.#send([`ACK ${target} SIP/2.0`, ...this.#sameTransaction('ACK'), '[last_To:]'], {}, false);
    return this;
  }

  /** CANCEL of the first INVITE, after a provisional response. */
  cancel(parts: MessageParts = {}): this {
    const { called, host } = this.place;
    const to = `To: <sip:${called}@${host}>`;
    this.#send([`CANCEL sip:${called}@${host} SIP/2.0`, ...this.#sameTransaction('CANCEL'), to], parts, true);
    return this;
  }

  /** PRACK for the reliable response just expected (RFC 3262 §4). */
  prack(parts: MessageParts = {}): this {
    const rack = `RAck: [$rseq] ${this.#inviteSequence} INVITE`;
    return this.request('PRACK', { ...parts, headers: [rack, ...(parts.headers ?? [])] });
  }

  /** A response; a 100 may come before it. */
  expect(status: number, { optional = false, reliable = false }: ExpectParts = {}): this {
    if (status !== 100 && this.#awaitsTrying) this.#steps.push('<recv response="100" optional="true"/>');
    this.#awaitsTrying = false;
    const established = status > 100 && status < 300;
    if (established && !optional) this.#first = false;
    const rrs = established && TARGET_METHODS.has(this.#asked) ? ' rrs="true"' : '';
    const actions = reliable ? this.#save('RSeq', 'rseq', '[0-9]+') : '';
    this.#steps.push(
      `<recv response="${status}"${rrs}${optional ? ' optional="true"' : ''}>${optional ? '' : action(actions)}</recv>`,
    );
    return this;
  }

  /**
   * A request; its headers are kept under the label (default its method) for replies. Labels: `INVITE…` for those that
   * open a dialog, `re…` for those inside it.
   */
  on(method: string, label = method): this {
    this.#settleTrying();
    const first = label.startsWith('INVITE') && this.place.role === 'answerer';
    if (method !== 'ACK') this.#last = label;
    this.#first = false;
    let saved = method === 'ACK' ? '' : SAVED.map((name) => this.#saveLax(name, `${name}_${label}`)).join('');
    if (saved !== '' && this.#hasTwoVias(label)) saved += this.#saveLax('Via', `Via2_${label}`, 2);
    if (this.#hasRoute(label)) saved += this.#saveLax('Record-Route', `Route_${label}`);
    this.#steps.push(`<recv request="${method}"${first ? ' rrs="true"' : ''}>${action(saved)}</recv>`);
    return this;
  }

  /** A response to a request received; a 2xx to INVITE is repeated until its ACK. */
  reply(status: number, parts: ReplyParts = {}): this {
    const label = parts.to ?? this.#last;
    const initial = this.place.role === 'answerer' && /^(INVITE|CANCEL)/.test(label);
    const tag = initial && status > 100 ? `;tag=${parts.tag ?? OWN_TAG.answerer}` : '';
    const lines = [
      `SIP/2.0 ${status} ${parts.reason ?? 'Scripted'}`,
      `Via: [$Via_${label}]`,
      ...(this.#hasTwoVias(label) ? [`Via: [$Via2_${label}]`] : []),
      ...(this.#hasRoute(label) ? [`Record-Route: [$Route_${label}]`] : []),
      `From: [$From_${label}]`,
      `To: [$To_${label}]${tag}`,
      'Call-ID: [call_id]',
      `CSeq: [$CSeq_${label}]`,
    ];
    if (status > 100 && status < 300) lines.push(this.#contact());
    const repeated = status >= 200 && /^(INVITE|re)/.test(label) && !parts.once;
    this.#send(lines, parts, repeated);
    return this;
  }

  /** Plays µ-law audio from a file, once (`file,loops,payload type`). */
  play(audio: string): this {
    this.#settleTrying();
    this.#steps.push(`<nop><action><exec rtp_stream="${audio}"/></action></nop>`);
    return this;
  }

  /** The call is over, and repeated messages are still answered for a while. */
  linger(ms: number): this {
    this.#steps.push(`<timewait milliseconds="${ms}"/>`);
    return this;
  }

  pause(ms: number): this {
    this.#settleTrying();
    this.#steps.push(`<pause milliseconds="${ms}"/>`);
    return this;
  }

  /** The whole scenario as SIPp reads it. */
  xml(name: string): string {
    const references = this.#variables.size > 0 ? `<Reference variables="${[...this.#variables].join(',')}"/>\n` : '';
    return `<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name="${name}">\n${this.#steps.join('\n')}\n${references}</scenario>\n`;
  }

  /** Something else than a response comes next, so the 100 must have come. */
  #settleTrying(): void {
    if (this.#awaitsTrying) this.#steps.push('<recv response="100"/>');
    this.#awaitsTrying = false;
  }

  #outgoing(target: string, method: string, sequence: number, inside: boolean): string[] {
    const { role, called, host, via } = this.place;
    const own = `${this.#identity()};tag=${OWN_TAG[role]}`;
    const peer = role === 'answerer' ? '[$From_INVITE]' : `<sip:${called}@${host}>${inside ? '[peer_tag_param]' : ''}`;
    return [
      `${target} SIP/2.0`,
      `Via: SIP/2.0/${via} ${this.place.contact};branch=[branch]`,
      `From: ${own}`,
      `To: ${peer}`,
      'Call-ID: [call_id]',
      `CSeq: ${sequence} ${method}`,
      'Max-Forwards: 70',
    ];
  }

  #sameTransaction(method: string): string[] {
    return [
      '[last_Via:]',
      `From: ${this.#identity()};tag=${OWN_TAG[this.place.role]}`,
      'Call-ID: [call_id]',
      `CSeq: ${this.#inviteSequence} ${method}`,
      'Max-Forwards: 70',
    ];
  }

  #identity(): string {
    const { role, called, caller, contact } = this.place;
    return role === 'caller' ? `"Caller" <sip:${caller}@${contact}>` : `<sip:${called}@${contact}>`;
  }

  #contact(): string {
    const { role, contact, via } = this.place;
    return `Contact: <sip:${role}@${contact};transport=${via.toLowerCase()}>`;
  }

  #send(lines: readonly string[], { headers = [], sdp, body }: MessageParts, repeated: boolean): void {
    this.#settleTrying();
    const content = sdp === undefined ? body : { type: 'application/sdp', text: `${sdp}\n` };
    const rows = [...lines, ...headers];
    if (content) rows.push(`Content-Type: ${content.type}`);
    rows.push(content ? 'Content-Length: [len]' : 'Content-Length: 0');
    const retrans = repeated ? ' retrans="500"' : '';
    this.#steps.push(`<send${retrans}><![CDATA[\n${rows.join('\n')}\n\n${content?.text ?? ''}]]></send>`);
  }

  #save(header: string, variable: string, pattern: string): string {
    this.#variables.add(variable);
    return `<ereg regexp="${pattern}" search_in="hdr" header="${header}:" check_it="true" assign_to="${variable}"/>`;
  }

  /** Saves a header that may be absent. */
  #saveLax(header: string, variable: string, occurrence = 1): string {
    this.#variables.add(variable);
    const which = occurrence === 1 ? '' : ` occurrence="${occurrence}"`;
    return `<ereg regexp=".*" search_in="hdr" header="${header}:"${which} assign_to="${variable}"/>`;
  }

  /** A proxy recorded its route in what opens the dialog (RFC 3261 §12.1.1). */
  #hasRoute(label: string): boolean {
    return this.place.behindProxy === true && label.startsWith('INVITE');
  }

  #hasTwoVias(label: string): boolean {
    return this.place.behindProxy === true && label !== 'CANCEL';
  }
}

const OWN_TAG = { caller: '[pid]a[call_number]', answerer: '[pid]b[call_number]' } as const;

const action = (content: string): string => (content === '' ? '' : `<action>${content}</action>`);
