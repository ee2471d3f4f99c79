import { Params } from './params.js';
import { encodeUtf8 } from './wire-text.js';

const ESCAPE = /%[0-9A-Fa-f]{2}/g;

/** Resolves percent escapes, once (RFC 3261 §19.1.2); malformed ones stay as they are. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(ESCAPE, (hex) => String.fromCharCode(Number.parseInt(hex.slice(1), 16)));
}

const NOT_IN_USER = /[^A-Za-z0-9\-_.!~*'()&=+$/]/g;

/**
 * Plain text as the user of a URI: its UTF-8 bytes, escaped where they could be taken for anything but a user (RFC 3261
 * §25.1; `;`, `?` and `,` too, which readers in use take for the end of it).
 */
export const escapeUser = (text: string): string =>
  encodeUtf8(text).replace(NOT_IN_USER, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

/** Parameters of a URI: read with escapes of names and values resolved, written as they came. */
export class UriParams extends Params {
  override get(name: string): string | undefined {
    const value = super.get(name);
    return value === undefined ? undefined : unescapeUri(value);
  }

  static override parse(text: string): UriParams {
    const params = new UriParams();
    params.readAll(text);
    return params;
  }

  protected override readable(text: string): string {
    return unescapeUri(text);
  }
}
