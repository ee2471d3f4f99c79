import type { SipMessage } from '../../sip/index.js';

/** Session descriptions of the simulated peers: one audio stream. */

export type Direction = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive';

export interface Description {
  readonly address: string;
  readonly port: number;
  readonly direction: Direction;
}

export function writeDescription(session: { id: number; version: number }, said: Description, codec: 0 | 8): Buffer {
  const { address, port, direction } = said;
  const codecs = codec === 0 ? '0 8 101' : '8 0 101';
  return Buffer.from(
    [
      'v=0',
      `o=- ${session.id} ${session.version} IN IP4 ${address}`,
      's=-',
      `c=IN IP4 ${address}`,
      't=0 0',
      `m=audio ${port} RTP/AVP ${codecs}`,
      'a=rtpmap:101 telephone-event/8000',
      `a=${direction}`,
      '',
    ].join('\r\n'),
  );
}

/** The description a message carries; undefined without one, `malformed` where it is none. */
export function readDescription(message: SipMessage): Description | 'malformed' | undefined {
  if (message.body.length === 0) return undefined;
  const text = message.body.toString('latin1');
  const address = /^c=IN IP4 (\S+)$/m.exec(text.replaceAll('\r', ''))?.[1];
  const port = /^m=audio (\d+) /m.exec(text)?.[1];
  if (message.contentType !== 'application/sdp' || address === undefined || port === undefined) return 'malformed';
  const direction = /^a=(sendrecv|sendonly|recvonly|inactive)\r?$/m.exec(text)?.[1] ?? 'sendrecv';
  return { address, port: Number(port), direction: direction as Direction };
}

const REVERSED: Readonly<Record<Direction, Direction>> = {
  sendrecv: 'sendrecv',
  sendonly: 'recvonly',
  recvonly: 'sendonly',
  inactive: 'inactive',
};

export const reversed = (direction: Direction): Direction => REVERSED[direction];
