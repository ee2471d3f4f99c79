import { z } from 'zod';
import { sipListener } from './listeners.js';
import { flag, integer, ipAddress, matching, oneOf, text } from './scalars.js';

/** Section `sip`: sockets, timers, limits on messages, authentication, health checks, session timers. */

const tls = z
  .strictObject({
    certificate: text(1, 4096).optional().describe('PEM file with the certificate chain; needed by tls:// and wss://'),
    key: text(1, 4096).optional().describe('PEM file with the private key'),
    ca: text(1, 4096)
      .optional()
      .describe(
        'PEM file with the authorities that peers are verified against; absent: the public ones Node.js brings',
      ),
    minVersion: oneOf(['TLSv1.2', 'TLSv1.3']).default('TLSv1.2').describe('oldest TLS version accepted'),
    clientCertificate: oneOf(['none', 'request', 'require'])
      .default('none')
      .describe('whether a peer that connects is asked for its certificate'),
  })
  .describe('certificates of the SIP listeners');

const limits = z
  .strictObject({
    maxBodyBytes: integer(1024, 1048576).default(65536).describe('largest message body; beyond: 413'),
    maxHeaderBytes: integer(2048, 1048576).default(32768).describe('largest header section; beyond: 400'),
    maxHeaderFields: integer(16, 1024).default(128).describe('most header fields of a message; beyond: 400'),
    maxConnections: integer(1, 100000).default(4096).describe('most stream connections at once'),
    maxConnectionsPerSource: integer(1, 100000)
      .default(64)
      .describe('most stream connections of one address (of one /64 where it is IPv6)'),
    idleConnectionSeconds: integer(10, 86400)
      .default(900)
      .describe('a silent connection without calls is closed after this'),
  })
  .describe('what peers may send');

const authentication = z
  .strictObject({
    algorithms: z
      .array(oneOf(['SHA-512-256', 'SHA-256', 'MD5']))
      .min(1, { error: 'must name at least one algorithm' })
      .default(['MD5', 'SHA-256'])
      .describe('digest algorithms offered, in order (RFC 8760); many phone systems read the first one only'),
    nonceSeconds: integer(10, 3600).default(300).describe('life of a nonce'),
    banFailures: integer(1, 1000).default(10).describe('failures of one source that lead to a ban'),
    banWindowSeconds: integer(1, 3600).default(60).describe('time in which they are counted'),
    banSeconds: integer(1, 86400).default(600).describe('length of a ban'),
  })
  .describe('digest authentication of customers');

const health = z
  .strictObject({
    enabled: flag().default(true).describe('send OPTIONS to each route and carrier host'),
    intervalSeconds: integer(1, 3600).default(30).describe('between OPTIONS while a target is up'),
    downIntervalSeconds: integer(1, 3600).default(8).describe('between OPTIONS while it is down, jittered'),
    missesToDown: integer(1, 100).default(3).describe('misses in a row that mark a target down'),
    answersToUp: integer(1, 100).default(2).describe('answers in a row that mark it up again'),
  })
  .describe('health of targets');

const sessionTimer = z
  .strictObject({
    intervalSeconds: integer(90, 86400).default(1800).describe('Session-Expires offered (RFC 4028)'),
    minimumSeconds: integer(90, 86400).default(90).describe('Min-SE'),
  })
  .describe('session timers');

export const sipSchema = z.strictObject({
  listen: z
    .array(sipListener())
    .min(1, { error: 'must list at least one listener' })
    .prefault(['udp://127.0.0.1:5060', 'tcp://127.0.0.1:5060'])
    .describe('sockets for SIP: udp, tcp, tls, ws, wss'),
  advertise: ipAddress()
    .optional()
    .describe('address written in Via, Contact and Record-Route when it differs from the socket’s'),
  tls: tls.prefault({}),
  webSocketOrigins: z
    .array(
      matching(/^https?:\/\/[a-z0-9.\-[\]:]{1,255}$/, 'an origin in lower case, such as https://phone.example.com'),
    )
    .default([])
    .describe(
      'pages whose scripts may connect over ws and wss; none: any, so that a page opened in an allowed network could call',
    ),
  t1Ms: integer(50, 5000).default(500).describe('round-trip estimate T1 (RFC 3261 §17.1.1.1)'),
  unknownSource: oneOf(['reject', 'drop'])
    .default('reject')
    .describe('what a source that matches nothing gets: 403 or silence'),
  userAgent: text(0, 128).default('Trunkline').describe('User-Agent and Server value; empty: neither is sent'),
  noResponseTimeoutMs: integer(100, 32000)
    .default(2500)
    .describe('UDP: next attempt when nothing at all comes back within this'),
  connectTimeoutMs: integer(100, 30000)
    .default(2000)
    .describe('TCP and TLS: next attempt when no connection stands within this'),
  refer: oneOf(['pass', 'refuse'])
    .default('refuse')
    .describe('REFER inside a call: passed to the other side or refused'),
  earlyDialogs: oneOf(['each', 'one'])
    .default('each')
    .describe(
      'forks of a call: each an early dialog to the caller too, or one for all (for callers that take no forks)',
    ),
  limits: limits.prefault({}),
  authentication: authentication.prefault({}),
  health: health.prefault({}),
  sessionTimer: sessionTimer.prefault({}),
});
