import { GatewayError } from '../../core/index.js';

/** Every code an SdpError can carry. */
export const SDP_CODES = [
  'sdp.syntax',
  'sdp.too-large',
  'sdp.no-audio',
  'sdp.media-count',
  'sdp.media-type',
  'sdp.transport',
  'sdp.no-common-format',
] as const;

export type SdpCode = (typeof SDP_CODES)[number];

/** A session description that cannot be read (400) or not be agreed on (488). Returned, not thrown. */
export class SdpError extends GatewayError {
  declare readonly code: SdpCode;
  /** Line of the description it was found in, from 1; 0 where no single line is at fault. */
  readonly line: number;

  constructor(code: SdpCode, message: string, line = 0) {
    super(code, message, {
      origin: 'remote',
      sipStatus: code === 'sdp.syntax' || code === 'sdp.too-large' ? 400 : 488,
    });
    this.name = 'SdpError';
    this.line = line;
  }
}
