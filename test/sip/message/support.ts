import { type ParseOutcome, parseDatagram, SipRequest, SipResponse } from '../../../src/sip/message/index.js';

/** Header rows of a request that parses; a row given with '' is left out. */
export const MINIMAL_ROWS: Readonly<Record<string, string>> = {
  Via: 'SIP/2.0/UDP pc33.example.com:5060;branch=z9hG4bK776asdhds;rport',
  'Max-Forwards': '70',
  From: '"Alice" <sip:alice@example.com>;tag=1928301774',
  To: 'Bob <sip:bob@example.com>',
  'Call-ID': 'a84b4c76e66710@pc33.example.com',
  CSeq: '314159 INVITE',
};

/** Bytes of an INVITE with some rows replaced, left out ('') or added. */
export function inviteBytes(rows: Readonly<Record<string, string>> = {}, body = '', startLine?: string): Buffer {
  const all = { ...MINIMAL_ROWS, 'Content-Length': String(Buffer.byteLength(body)), ...rows };
  const lines = Object.entries(all).filter(([, value]) => value !== '');
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${startLine ?? 'INVITE sip:bob@example.com SIP/2.0'}\r\n${head}\r\n${body}`, 'latin1');
}

export function parsedRequest(bytes: Buffer): SipRequest {
  const { message } = expectMessage(parseDatagram(bytes));
  if (!(message instanceof SipRequest)) throw new Error('not a request');
  return message;
}

export function parsedResponse(bytes: Buffer): SipResponse {
  const { message } = expectMessage(parseDatagram(bytes));
  if (!(message instanceof SipResponse)) throw new Error('not a response');
  return message;
}

export function expectMessage(outcome: ParseOutcome): Extract<ParseOutcome, { kind: 'message' }> {
  if (outcome.kind === 'message') return outcome;
  throw new Error(outcome.kind === 'error' ? `${outcome.error.code}: ${outcome.error.reason}` : outcome.kind);
}

export function expectError(outcome: ParseOutcome): Extract<ParseOutcome, { kind: 'error' }>['error'] {
  if (outcome.kind !== 'error') throw new Error(`outcome is ${outcome.kind}`);
  return outcome.error;
}
