import { readFileSync } from 'node:fs';

/** RFC 4475 and RFC 5118 messages with what is expected of each (test/vectors/torture). */
export interface TortureCase {
  readonly file: string;
  readonly rfc: string;
  readonly rfcSection: string;
  readonly kind: 'valid' | 'invalid';
  readonly type: 'request' | 'response';
  readonly method: string | null;
  readonly parse: 'ok' | 'reject' | 'either';
  readonly acceptStatus: readonly number[] | string;
  readonly check: { readonly bytes: number; readonly bodyBytes: number | null };
}

const folder = new URL('../../vectors/torture/', import.meta.url);

export const tortureBytes = (file: string): Buffer => readFileSync(new URL(file, folder));

export function tortureCases(): TortureCase[] {
  const expected = JSON.parse(readFileSync(new URL('expected.json', folder), 'utf8')) as Record<string, TortureCase>;
  return Object.entries(expected).map(([file, facts]) => ({ ...facts, file }));
}
