import { readFileSync } from 'node:fs';

/** What a SIPp saw and sent, from its message log (-trace_msg), byte for byte. */

export interface LoggedMessage {
  readonly direction: 'sent' | 'received';
  /** Wire text, one unit per byte. */
  readonly text: string;
}

const HEADING = /^\w+ message (sent|received) [[(](\d+)[\])]? ?bytes\)? ?:\r?\n\r?\n/gm;

export class MessageLog {
  readonly messages: readonly LoggedMessage[];

  constructor(path: string) {
    const text = readFileSync(path, 'latin1');
    this.messages = [...text.matchAll(HEADING)].map((heading) => {
      const start = heading.index + heading[0].length;
      return { direction: heading[1] as 'sent' | 'received', text: text.slice(start, start + Number(heading[2])) };
    });
  }

  /** Messages received whose first line has this: a method, or a status, and those of one method's transaction. */
  received(start: string | number, method?: string): string[] {
    const pattern = typeof start === 'number' ? new RegExp(`^SIP/2\\.0 ${start} `) : new RegExp(`^${start} `);
    return this.messages
      .filter(({ direction, text }) => direction === 'received' && pattern.test(text))
      .filter(({ text }) => method === undefined || header(text, 'CSeq')?.endsWith(` ${method}`))
      .map(({ text }) => text);
  }

  /** First lines and CSeq methods of all messages, for the report of a failed test. */
  ladder(): string {
    return this.messages
      .map(({ direction, text }) => {
        const line = text.slice(0, text.indexOf('\r\n'));
        return `${direction === 'sent' ? '→' : '←'} ${line} [${header(text, 'CSeq') ?? ''}]`;
      })
      .join('\n');
  }
}

/** Value of the first header of that name. */
export const header = (message: string, name: string): string | undefined =>
  new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)\\r?$`, 'im').exec(message.split('\r\n\r\n', 1)[0]!)?.[1];

/** Values of all headers of that name. */
export const headers = (message: string, name: string): string[] =>
  [...message.split('\r\n\r\n', 1)[0]!.matchAll(new RegExp(`^${name}[ \\t]*:[ \\t]*(.*?)\\r?$`, 'gim'))].map(
    (found) => found[1]!,
  );

export const bodyOf = (message: string): string => message.slice(message.indexOf('\r\n\r\n') + 4);
