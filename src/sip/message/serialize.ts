import { type SipMessage, SipRequest, type SipResponse } from './message.js';
import { WireLayout } from './wire-layout.js';
import { lineSafe } from './wire-text.js';

/** Reused by every call: writing is synchronous and never nested. */
const layout = new WireLayout();

/**
 * Writes a message (RFC 3261 §7). Start line, header rows and body that were not changed are copied as they came.
 * Content-Length is made true first, so that the result can go on a stream.
 */
export function serialize(message: SipRequest | SipResponse): Buffer {
  stateLength(message);
  const { received } = message;
  layout.begin(received?.bytes);
  if (received !== undefined && message.isStartLineReceived) layout.addReceived(received.start, received.headersStart);
  else layout.addText(startLine(message));
  message.headers.layOut(layout);
  if (received === undefined || !message.isBodyReceived || received.blankLine < 0) {
    layout.addText('\r\n');
    layout.addBytes(message.body);
  } else layout.addReceived(received.blankLine, received.end);
  return layout.write();
}

function stateLength(message: SipMessage): void {
  const length = String(message.bodyLength);
  const stated = message.headers.get('Content-Length');
  if (stated === length || (stated !== undefined && Number(stated) === message.bodyLength)) return;
  message.headers.set('Content-Length', length);
}

function startLine(message: SipRequest | SipResponse): string {
  const line =
    message instanceof SipRequest
      ? `${message.method} ${message.requestUri} SIP/2.0`
      : `SIP/2.0 ${message.status} ${message.reason}`;
  return `${lineSafe(line)}\r\n`;
}
