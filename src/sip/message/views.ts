import type { CSeq } from './cseq.js';
import type { NameAddress } from './name-address.js';
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

/** The first element of a Via value. */
export const firstVia = (value: string): Via => Via.readFirst(bytesOf(value), value, 0, value.length);
