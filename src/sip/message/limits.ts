/** Size limits on received messages; what is beyond them is refused before it is read further. */
export interface ParseLimits {
  /** Start line and header fields with the closing blank line, bytes. */
  readonly maxHeaderBytes: number;
  /** Body, bytes. */
  readonly maxBodyBytes: number;
  /** Header field rows. */
  readonly maxHeaderFields: number;
}

export const DEFAULT_LIMITS: ParseLimits = {
  maxHeaderBytes: 32 * 1024,
  maxBodyBytes: 64 * 1024,
  maxHeaderFields: 128,
};
