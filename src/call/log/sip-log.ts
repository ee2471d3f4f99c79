import type { JsonLinesLog } from './json-lines.js';
import { mostJsonBytes, writeJsonText } from './json-text.js';

/**
 * The SIP message log (design §6): each message of a call, in and out, secrets replaced before anything is written.
 * Which call a message belongs to is told by its Call-ID, which the call layer registers for each leg.
 */
export class SipMessageLog {
  readonly #log: JsonLinesLog;
  readonly #region: string;
  /** By Call-ID: the connector, and the members of each line around its time and text, written once. */
  readonly #calls = new Map<string, { voiceConnectorId: string; before: string; between: string }>();

  constructor(log: JsonLinesLog, region: string) {
    this.#log = log;
    this.#region = region;
  }

  /** Messages with this Call-ID belong to that call from now on. */
  register(callId: string, voiceConnectorId: string, transactionId: string): void {
    const ids = `"voice_connector_id":${JSON.stringify(voiceConnectorId)},"aws_region":${JSON.stringify(this.#region)}`;
    const between = `,"call_id":${JSON.stringify(transactionId)},"sip_message":`;
    this.#calls.set(callId, { voiceConnectorId, before: `{${ids},"event_timestamp":`, between });
  }

  release(callId: string): void {
    this.#calls.delete(callId);
  }

  /** Takes one message; those of no registered call are passed over. */
  message(callId: string, timeMs: number, bytes: Buffer): void {
    const call = this.#calls.get(callId);
    if (!call) return;
    const { voiceConnectorId } = call;
    const before = `${call.before}${timeMs}${call.between}`;
    const most = before.length * 3 + mostJsonBytes(bytes.length) + END.length + 1;
    const put = (line: Buffer, at: number) => writeLine(before, bytes, line, at);
    if (!bytes.includes(SDES_MARK) && this.#log.putLine(voiceConnectorId, timeMs, most, put)) return;
    const text = JSON.stringify(redactSip(bytes.toString('utf8')));
    this.#log.appendLine(voiceConnectorId, timeMs, `${before}${text}}\n`);
  }
}

/** A line without anything to redact, put straight where it is to lie; −1 where it has to go the long way. */
function writeLine(before: string, message: Buffer, line: Buffer, at: number): number {
  const start = at + line.write(before, at);
  line[start] = QUOTE;
  const end = writeJsonText(message, line, start + 1);
  return end < 0 ? end : end + line.write(END, end, 'latin1');
}

const QUOTE = 0x22;
const END = '"}\n';
const SDES_MARK = Buffer.from('inline:');
const CREDENTIALS = /^((?:Proxy-)?Authorization[ \t]*:[ \t]*)[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*/gim;
const SDES_KEY = /(inline:)[^\s|;]+/g;

/** Message text without Authorization values and SDES keys (design §6: redacted here and everywhere). */
export function redactSip(text: string): string {
  const plain = text.includes('inline:') ? text.replace(SDES_KEY, '$1[redacted]') : text;
  return /authorization/i.test(plain) ? plain.replace(CREDENTIALS, '$1[redacted]') : plain;
}
