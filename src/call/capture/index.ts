export type { CaptureEnd, CaptureResult } from './call-capture.js';
export { type CaptureOrder, Captures, MAX_CAPTURE_SECONDS } from './captures.js';
