import { isIP } from 'node:net';
import { z } from 'zod';
import { daemonAddress, portRange, udpAddress } from './listeners.js';
import { flag, integer, ipAddress, oneOf } from './scalars.js';

const ADDRESSES = 'must be an IP address, or a list of one IPv4 and one IPv6 address';

/** One address, or one of each IP version; read as a list. */
const addresses = () =>
  z
    .union([ipAddress(), z.array(ipAddress())], { error: ADDRESSES })
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .refine((list) => list.length === 1 || (list.length === 2 && isIP(list[0]!) !== isIP(list[1]!)), {
      error: ADDRESSES,
    });

/** Section `media`: engine, addresses, port pool, timeouts. */
export const mediaSchema = z.strictObject({
  engine: oneOf(['auto', 'native', 'typescript', 'rtpengine'])
    .default('auto')
    .describe('media engine; auto takes native where its compiled part loads, else typescript'),
  listen: addresses().prefault('127.0.0.1').describe('address of the media sockets; a list for IPv4 and IPv6'),
  advertise: addresses()
    .optional()
    .describe('address written in SDP when it differs from the socket’s; a list for IPv4 and IPv6'),
  ports: portRange().prefault('10000-20000').describe('UDP ports: even RTP, odd RTCP'),
  timeoutSeconds: integer(1, 86400).default(60).describe('silence that ends a call; a held call is exempt'),
  quarantineSeconds: integer(0, 3600).default(30).describe('how long a port pair rests before it is used again'),
  threads: z
    .union([z.literal('auto'), integer(1, 64), z.array(integer(0, 1023)).min(1).max(64)], {
      error: 'must be auto, a whole number from 1 to 64, or a list of processors',
    })
    .default('auto')
    .describe('packet threads of the native engine; auto: one per processor; a list: one pinned to each of these'),
  dtmf: oneOf(['auto', 'pass'])
    .default('auto')
    .describe(
      'auto: digits are translated between a side with telephone-events and one with SIP INFO; pass: left alone',
    ),
  srtpMinimumKeyBits: z
    .union([z.literal(128), z.literal(192), z.literal(256)], { error: 'must be 128, 192 or 256' })
    .default(128)
    .describe('weakest cipher key of SRTP that is offered and accepted'),
  srtpShortTags: flag()
    .default(true)
    .describe('whether SRTP with authentication tags of 32 bits is offered and accepted'),
  rtpengine: z
    .array(daemonAddress())
    .default([])
    .describe('NG addresses of rtpengine daemons, for engine rtpengine; ?weight=N for a share of N, default 1'),
  rtpengineSources: oneOf(['described', 'learned'])
    .default('described')
    .describe(
      'whom rtpengine daemons hear: described: the address and port of the SDP alone, unless that address shows a NAT; learned: any source for some seconds, for peers that send from another port than they describe',
    ),
  rtpengineDigits: udpAddress()
    .optional()
    .describe('address that rtpengine daemons tell digits at: what their --dtmf-log-dest names'),
});
