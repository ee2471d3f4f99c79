import { type SipMessage, SipRequest, type SipResponse } from './message.js';
import { lineSafe } from './wire-text.js';

/**
 * Writes a message (RFC 3261 §7). Header rows that were not changed are copied as they came; the start line is always
 * composed. Content-Length is made true first, so that the result can go on a stream.
 */
export function serialize(message: SipRequest | SipResponse): Buffer {
  const { body } = message;
  stateLength(message, body.length);
  const head = `${startLine(message)}\r\n${message.headers.toWire()}\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  if (body.length > 0) bytes.set(body, head.length);
  return bytes;
}

function stateLength(message: SipMessage, length: number): void {
  const stated = message.headers.get('Content-Length');
  if (stated === undefined || Number(stated) !== length) message.headers.set('Content-Length', String(length));
}

function startLine(message: SipRequest | SipResponse): string {
  return lineSafe(
    message instanceof SipRequest
      ? `${message.method} ${message.requestUri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`,
  );
}
