import { formatHostPort, SipRequest, SipResponse } from '../message/index.js';
import type { HeaderRow, MessageBody, ResponseOrder } from '../signaling.js';
import type { ServerTransaction } from '../transaction/index.js';
import type { Flow, Wire } from '../transport/flow.js';
import type { CoreOptions, DialogContext } from './context.js';

/** Writes requests and responses: what the engine owns first, then what the order brings. */

export interface RequestParts {
  readonly method: string;
  readonly requestUri: string;
  readonly routes: readonly string[];
  /** From and To values, tags included. */
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly sequence: number;
  /** Rows of the engine (session timer, RAck, credentials) and of the order. */
  readonly ownRows: readonly HeaderRow[];
  readonly rows: readonly HeaderRow[];
  readonly body: MessageBody | undefined;
  /** Option tags listed in Supported, where the method lists them. */
  readonly optionTags: readonly string[];
}

/** Methods whose requests name where we can be reached. */
const WITH_CONTACT = new Set(['INVITE', 'UPDATE', 'OPTIONS', 'REFER', 'NOTIFY', 'SUBSCRIBE']);
/** Methods whose messages list what we can do (RFC 3261 §13.2.1, RFC 3311 §5.1). */
const WITH_ABILITIES = new Set(['INVITE', 'UPDATE', 'OPTIONS']);

/** A request of ours on this flow, ready for the transaction layer. */
export function composeRequest(context: DialogContext, parts: RequestParts, flow: Flow, branch: string): SipRequest {
  const { method, rows } = parts;
  const request = SipRequest.create(method, parts.requestUri);
  const { headers } = request;
  headers.append('Via', context.layer.via(flow, branch));
  if (!hasRow(rows, 'max-forwards')) headers.append('Max-Forwards', '70');
  for (const route of parts.routes) headers.append('Route', route);
  headers.append('From', parts.from);
  headers.append('To', parts.to);
  headers.append('Call-ID', parts.callId);
  headers.append('CSeq', `${parts.sequence} ${method}`);
  if (WITH_CONTACT.has(method) && !hasRow(rows, 'contact'))
    headers.append('Contact', contactOf(context.wire, flow, parts.requestUri));
  for (const [name, value] of parts.ownRows) headers.append(name, value);
  for (const [name, value] of rows) headers.append(name, value);
  if (WITH_ABILITIES.has(method)) appendAbilities(request, context.options.allow, parts.optionTags, rows);
  if (context.options.userAgent !== '' && !hasRow(rows, 'user-agent'))
    headers.append('User-Agent', context.options.userAgent);
  appendBody(request, parts.body);
  return request;
}

/** What a response repeats of its request, kept for all responses of one transaction (RFC 3261 §8.2.6.2). */
export interface ResponseTemplate {
  readonly vias: readonly string[];
  readonly from: string;
  /** Without our tag where the request had none. */
  readonly to: string;
  readonly tagged: boolean;
  readonly callId: string;
  readonly cseq: string;
  readonly recordRoutes: readonly string[];
}

export function responseTemplate(request: SipRequest, transaction: ServerTransaction): ResponseTemplate {
  return templateOf(request, transaction.vias);
}

export function templateOf(request: SipRequest, vias: readonly string[]): ResponseTemplate {
  const { headers } = request;
  return {
    vias,
    from: headers.get('From')!,
    to: headers.get('To')!,
    tagged: request.to.tag !== undefined,
    callId: request.callId,
    cseq: headers.get('CSeq')!,
    recordRoutes: headers.all('Record-Route'),
  };
}

export interface ResponseParts {
  readonly status: number;
  /** Our To tag; '' for 100. */
  readonly localTag: string;
  readonly order: ResponseOrder;
  readonly ownRows: readonly HeaderRow[];
  /** Contact value; '' for none. A Contact in the order (3xx) takes its place. */
  readonly contact: string;
  /** True for responses that make a dialog: Record-Route is copied (§12.1.1). */
  readonly dialog: boolean;
  /** True where Allow and Supported are told. */
  readonly abilities: boolean;
}

export function composeResponse(template: ResponseTemplate, parts: ResponseParts, options: CoreOptions): SipResponse {
  const { order, localTag } = parts;
  const rows = order.headers ?? NO_ROWS;
  const response = SipResponse.create(parts.status, order.reason);
  const { headers } = response;
  for (const via of template.vias) headers.append('Via', via);
  headers.append('From', template.from);
  headers.append('To', template.tagged || localTag === '' ? template.to : `${template.to};tag=${localTag}`);
  headers.append('Call-ID', template.callId);
  headers.append('CSeq', template.cseq);
  if (parts.dialog) for (const route of template.recordRoutes) headers.append('Record-Route', route);
  if (parts.contact !== '' && !hasRow(rows, 'contact')) headers.append('Contact', parts.contact);
  for (const [name, value] of parts.ownRows) headers.append(name, value);
  for (const [name, value] of rows) headers.append(name, value);
  if (parts.abilities) appendAbilities(response, options.allow, options.optionTags, rows);
  if (options.userAgent !== '' && parts.status > 100 && !hasRow(rows, 'server'))
    headers.append('Server', options.userAgent);
  appendBody(response, order.body);
  return response;
}

export const NO_ROWS: readonly HeaderRow[] = [];

/** Where we can be reached by this flow (RFC 3261 §8.1.1.8, RFC 7118 §5.2.4 for WebSocket). */
export function contactOf(wire: Wire, flow: Flow, requestUri: string, user = ''): string {
  const { address, port } = wire.sentBy(flow);
  const scheme = requestUri.startsWith('sips:') ? 'sips' : 'sip';
  const at = user === '' ? '' : `${user}@`;
  return `<${scheme}:${at}${formatHostPort(address, port)}${TRANSPORT_PARAM[flow.transport]}>`;
}

const TRANSPORT_PARAM = {
  udp: '',
  tcp: ';transport=tcp',
  tls: ';transport=tls',
  ws: ';transport=ws',
  wss: ';transport=ws',
} as const;

/** True when a row of that name (lower case) is among them. */
export function hasRow(rows: readonly HeaderRow[], lowerName: string): boolean {
  for (const [name] of rows) if (name.length === lowerName.length && name.toLowerCase() === lowerName) return true;
  return false;
}

function appendAbilities(
  message: SipRequest | SipResponse,
  allow: readonly string[],
  optionTags: readonly string[],
  rows: readonly HeaderRow[],
): void {
  if (!hasRow(rows, 'allow')) message.headers.append('Allow', joined(allow));
  const given = hasRow(rows, 'supported') ? message.headers.list('Supported') : [];
  if (optionTags.length === 0) return;
  if (given.length === 0) return message.headers.append('Supported', joined(optionTags));
  const missing = optionTags.filter((tag) => !given.includes(tag));
  if (missing.length > 0) message.headers.append('Supported', missing.join(', '));
}

const joinedLists = new WeakMap<readonly string[], string>();

/** A list as a header value; lists of ours, which are few and the same in every message, are put together once. */
function joined(list: readonly string[]): string {
  let value = joinedLists.get(list);
  if (value === undefined) {
    value = list.join(', ');
    joinedLists.set(list, value);
  }
  return value;
}

function appendBody(message: SipRequest | SipResponse, body: MessageBody | undefined): void {
  if (!body) return;
  message.headers.append('Content-Type', body.contentType);
  message.body = body.bytes;
}
