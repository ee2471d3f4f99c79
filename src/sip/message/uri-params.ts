import { Params } from './params.js';

const ESCAPE = /%[0-9A-Fa-f]{2}/g;

/** Resolves percent escapes, once (RFC 3261 §19.1.2); malformed ones stay as they are. */
export function unescapeUri(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(ESCAPE, (hex) => String.fromCharCode(Number.parseInt(hex.slice(1), 16)));
}

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
