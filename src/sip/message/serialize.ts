import { type SipMessage, SipRequest, type SipResponse } from './message.js';
import { cutBuffer } from './slab.js';
import { lineSafe } from './wire-text.js';

/**
 * Writes a message (RFC 3261 §7). What was not changed goes out as it came: the whole message in one copy, else
 * neighbouring header rows and the body in a stretch each. Content-Length is made true first, so that the result can
 * go on a stream.
 */
export function serialize(message: SipRequest | SipResponse): Buffer {
  if (isReceived(message)) return copied(message);
  stateLength(message);
  return composed(message);
}

function stateLength(message: SipMessage): void {
  const length = String(message.bodyLength);
  const stated = message.headers.get('Content-Length');
  if (stated === length || (stated !== undefined && Number(stated) === message.bodyLength)) return;
  message.headers.set('Content-Length', length);
}

/** True where the message was read whole, its length included, and no part was changed since. */
function isReceived(message: SipMessage): boolean {
  if (message.received?.isLengthStated !== true || message.headers.revision > 0) return false;
  return message.isBodyReceived && message.isStartLineReceived;
}

function copied(message: SipMessage): Buffer {
  const { bytes, start, end } = message.received!;
  const target = cutBuffer(end - start);
  bytes.copy(target, 0, start, end);
  return target;
}

function composed(message: SipRequest | SipResponse): Buffer {
  const head = `${startLine(message)}\r\n${message.headers.toWire()}\r\n`;
  const { body } = message;
  const target = cutBuffer(head.length + body.length);
  target.write(head, 0, 'latin1');
  if (body.length > 0) target.set(body, head.length);
  return target;
}

function startLine(message: SipRequest | SipResponse): string {
  return lineSafe(
    message instanceof SipRequest
      ? `${message.method} ${message.requestUri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`,
  );
}
