import { readFileSync } from 'node:fs';

/** RFC 4475 and RFC 5118 messages, made sendable: only the topmost Via is changed, so that the answer finds its way. */

export interface TortureCase {
  readonly name: string;
  readonly rfc: string;
  readonly rfcSection: string;
  readonly kind: 'valid' | 'invalid';
  readonly type: 'request' | 'response';
  readonly method: string | null;
  readonly parse: 'ok' | 'reject' | 'either';
  /** Statuses that are right; none named: any that is no complaint about the message; text: no answer at all. */
  readonly acceptStatus: readonly number[] | string;
  readonly expect: string;
  readonly bytes: Buffer;
}

const DIRECTORY = new URL('../../vectors/torture/', import.meta.url);

export function tortureCases(): TortureCase[] {
  const expected = JSON.parse(readFileSync(new URL('expected.json', DIRECTORY), 'utf8')) as Record<
    string,
    Omit<TortureCase, 'name' | 'bytes'>
  >;
  return Object.entries(expected).map(([name, entry]) => ({
    ...entry,
    name,
    bytes: readFileSync(new URL(name, DIRECTORY)),
  }));
}

/** Sent-by of the topmost Via, with whatever white space and folding stands before it. */
const TOP_VIA = /^((?:via|v)[ \t]*:\s*SIP\s*\/\s*[\d.]+\s*\/\s*)(\S+)(\s+)(\[[^\]]*\]|[^;,:\s]+)((?:\s*:\s*\d+)?)/im;

/** The message with transport and sent-by of its topmost Via replaced, every other byte as it was. */
export function withSender(bytes: Buffer, transport: 'UDP' | 'TCP', port: number): Buffer {
  const text = bytes.toString('latin1');
  const changed = text.replace(TOP_VIA, (_, start: string, _transport, gap: string) => {
    return `${start}${transport}${gap}127.0.0.1:${port}`;
  });
  return Buffer.from(changed, 'latin1');
}
