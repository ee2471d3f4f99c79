/** SIP messages as a scripted peer needs them: read by lines, written as text; nothing shared with the gateway's own. */

export interface SipText {
  readonly startLine: string;
  /** Status of a response, 0 for a request. */
  readonly status: number;
  /** Method of a request, or of the request that a response answers. */
  readonly method: string;
  /** First value of a header, '' where it is missing; the name in lower case. */
  header(name: string): string;
  /** All values of a header. */
  all(name: string): readonly string[];
  readonly body: string;
}

export function readSip(text: string): SipText {
  const cut = text.indexOf('\r\n\r\n');
  const [startLine = '', ...lines] = text.slice(0, cut).split('\r\n');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()];
  });
  const all = (name: string) => headers.filter(([key]) => key === name).map(([, value]) => value);
  const header = (name: string) => all(name)[0] ?? '';
  const status = startLine.startsWith('SIP/2.0 ') ? Number(startLine.slice(8, 11)) : 0;
  const method = status === 0 ? startLine.split(' ')[0]! : header('cseq').split(' ')[1]!;
  return { startLine, status, method, header, all, body: text.slice(cut + 4) };
}

/** A message with its Content-Length; `body` is a session description unless `type` says otherwise, or empty. */
export function writeSip(
  startLine: string,
  headers: readonly (readonly [string, string])[],
  body = '',
  type = 'application/sdp',
): string {
  const typed = body === '' ? headers : [...headers, ['Content-Type', type] as const];
  const lines = [...typed, ['Content-Length', String(Buffer.byteLength(body))] as const];
  return `${startLine}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`;
}

/** URI of a Contact, From or To value. */
export const uriOf = (value: string): string => /<([^>]*)>/.exec(value)?.[1] ?? value.split(';')[0]!;
