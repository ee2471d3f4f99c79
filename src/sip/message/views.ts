import { type CSeq, parseCSeq, readCSeq } from './cseq.js';
import type { HeaderField, Headers } from './headers.js';
import { NameAddress } from './name-address.js';
import { Via } from './via.js';
import { bytesOf } from './wire-bytes.js';

/** Typed views of a message's header fields, each read once. */
export class Views {
  from: NameAddress | undefined = undefined;
  to: NameAddress | undefined = undefined;
  cseq: CSeq | undefined = undefined;
  topVia: Via | undefined = undefined;
  contacts: NameAddress[] | undefined = undefined;
}

/**
 * Readers of one received row. A row that is not folded is read where it lies; a folded one is joined first, since its
 * line ends are blanks to the grammar (RFC 3261 §7.3.1). Each throws SipSyntaxError like the parse it stands for.
 */

export function viewAddress(bytes: Buffer, text: string, headers: Headers, field: HeaderField): NameAddress {
  if (field.folded) return NameAddress.parse(headers.valueOf(field));
  return NameAddress.read(bytes, text, field.valueStart, field.valueEnd);
}

export function viewCSeq(bytes: Buffer, text: string, headers: Headers, field: HeaderField): CSeq {
  if (field.folded) return parseCSeq(headers.valueOf(field));
  return readCSeq(bytes, text, field.valueStart, field.valueEnd);
}

/** The first element of a Via row. */
export function viewVia(bytes: Buffer, text: string, headers: Headers, field: HeaderField): Via {
  if (field.folded) return firstVia(headers.valueOf(field));
  return Via.readFirst(bytes, text, field.valueStart, field.valueEnd);
}

/** The first element of a Via value. */
export const firstVia = (value: string): Via => Via.readFirst(bytesOf(value), value, 0, value.length);
