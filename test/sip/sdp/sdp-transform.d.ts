/** What the tests read of sdp-transform, which brings no types of its own. */
declare module 'sdp-transform' {
  interface Address {
    ip: string;
  }
  interface Media {
    type: string;
    port: number;
    protocol: string;
    payloads?: string;
    connection?: Address;
    rtcp?: { port: number };
    rtcpMux?: string;
    label?: string | number;
    crypto?: unknown[];
    candidates?: unknown[];
    rtp: { payload: number; codec: string; rate?: number; encoding?: number }[];
    fmtp: { payload: number; config: string }[];
  }
  interface Description {
    origin: { username: string; sessionId: number | string; address: string };
    connection?: Address;
    media: Media[];
  }
  const sdpTransform: { parse(text: string): Description };
  export default sdpTransform;
}
