import { SipRequest, SipResponse } from '../../sip/index.js';

/** How the simulated peers write messages; nothing of the gateway's own writing is used. */

export type Row = readonly [name: string, value: string];

export interface RequestFacts {
  readonly method: string;
  readonly uri: string;
  readonly via: string;
  readonly from: string;
  readonly to: string;
  readonly callId: string;
  readonly sequence: number;
  readonly rows: readonly Row[];
  readonly body: Buffer | undefined;
}

export function makeRequest(facts: RequestFacts): SipRequest {
  const request = SipRequest.create(facts.method, facts.uri);
  const { headers } = request;
  headers.append('Via', facts.via);
  headers.append('Max-Forwards', '70');
  headers.append('From', facts.from);
  headers.append('To', facts.to);
  headers.append('Call-ID', facts.callId);
  headers.append('CSeq', `${facts.sequence} ${facts.method}`);
  for (const [name, value] of facts.rows) headers.append(name, value);
  addBody(request, facts.body);
  return request;
}

/** ACK of a refusal, or CANCEL: what RFC 3261 §9.1 and §17.1.1.3 take over of the INVITE. */
export function makeFollower(invite: SipRequest, method: 'ACK' | 'CANCEL', to: string): SipRequest {
  const request = SipRequest.create(method, invite.requestUri);
  for (const name of ['Via', 'Max-Forwards', 'From']) request.headers.append(name, invite.headers.get(name)!);
  request.headers.append('To', to);
  request.headers.append('Call-ID', invite.callId);
  request.headers.append('CSeq', `${invite.cseq.sequence} ${method}`);
  return request;
}

export interface ResponseFacts {
  /** To tag where the request has none; '' for 100. */
  readonly tag: string;
  readonly rows?: readonly Row[];
  readonly body?: Buffer | undefined;
}

export function makeResponse(request: SipRequest, status: number, facts: ResponseFacts): SipResponse {
  const response = SipResponse.create(status);
  const { headers } = response;
  for (const via of request.headers.all('Via')) headers.append('Via', via);
  headers.append('From', request.headers.get('From')!);
  const to = request.headers.get('To')!;
  headers.append('To', request.to.tag !== undefined || facts.tag === '' ? to : `${to};tag=${facts.tag}`);
  headers.append('Call-ID', request.callId);
  headers.append('CSeq', request.headers.get('CSeq')!);
  for (const [name, value] of facts.rows ?? []) headers.append(name, value);
  addBody(response, facts.body);
  return response;
}

function addBody(message: SipRequest | SipResponse, body: Buffer | undefined): void {
  if (body) message.headers.append('Content-Type', 'application/sdp');
  if (body) message.body = body;
}
