import { MultipartBody, mediaType } from './multipart.js';

/** Finding and replacing the part of a body that has a media type, whether it stands alone or inside a multipart. */

/** Multiparts are opened this deep; deeper ones are opaque. */
const MAX_DEPTH = 3;

/**
 * The bytes of the first part of a type, such as application/sdp.
 * @param contentType the Content-Type value of `body`
 * @returns undefined where no part has the type
 * @throws SipSyntaxError where the body is a multipart that cannot be read
 */
export function findBody(body: Buffer, contentType: string | undefined, wanted: string): Buffer | undefined {
  return contentType === undefined || body.length === 0 ? undefined : find(body, contentType, wanted, MAX_DEPTH);
}

function find(body: Buffer, contentType: string, wanted: string, depth: number): Buffer | undefined {
  const type = mediaType(contentType);
  if (type === wanted) return body;
  if (depth === 0 || !type.startsWith('multipart/')) return undefined;
  for (const part of MultipartBody.parse(body, contentType).parts) {
    const found = find(part.body, part.headers.get('Content-Type') ?? 'text/plain', wanted, depth - 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The body with the first part of a type replaced; every other part stays byte for byte (RFC 5621 §3).
 * @returns the same body where no part has the type
 * @throws SipSyntaxError where the body is a multipart that cannot be read
 */
export function replaceBody(body: Buffer, contentType: string, wanted: string, replacement: Buffer): Buffer {
  return replace(body, contentType, wanted, replacement, MAX_DEPTH) ?? body;
}

function replace(
  body: Buffer,
  contentType: string,
  wanted: string,
  replacement: Buffer,
  depth: number,
): Buffer | undefined {
  const type = mediaType(contentType);
  if (type === wanted) return replacement;
  if (depth === 0 || !type.startsWith('multipart/')) return undefined;
  const multipart = MultipartBody.parse(body, contentType);
  for (const part of multipart.parts) {
    const changed = replace(
      part.body,
      part.headers.get('Content-Type') ?? 'text/plain',
      wanted,
      replacement,
      depth - 1,
    );
    if (changed === undefined) continue;
    part.body = changed;
    if (part.headers.has('Content-Length')) part.headers.set('Content-Length', String(changed.length));
    return multipart.serialize();
  }
  return undefined;
}
