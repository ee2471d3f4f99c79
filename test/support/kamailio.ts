import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { freePort } from './ports.js';
import { eventually, Program } from './program.js';
import { scratchDirectory } from './scratch.js';

/**
 * A carrier's edge: Kamailio as registrar and record-routing proxy on one address, UDP and TCP. It asks for digest where a
 * call or a registration comes from the gateway; calls of `inside` go to where `trunk` has registered.
 *
 *     gateway ──REGISTER, INVITE──► Kamailio ──► `far`, and with `alsoAt` in parallel to a second host
 *     gateway ◄──────INVITE──────── Kamailio ◄── `inside`
 */
export interface CarrierEdge {
  readonly port: number;
  /** Lines of its log so far. */
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface EdgeOptions {
  readonly address: string;
  readonly port?: number;
  readonly realm: string;
  readonly password: string;
  /** `address:port` that calls of the gateway go to. */
  readonly far: string;
  /** Second branch, for a called number. */
  readonly alsoAt?: string;
  /** Address that calls to the registered trunk come from. */
  readonly inside: string;
}

export async function startCarrierEdge(options: EdgeOptions): Promise<CarrierEdge> {
  const port = options.port ?? (await freePort());
  const directory = mkdtempSync(join(scratchDirectory(), 'kamailio-'));
  const file = join(directory, 'kamailio.cfg');
  writeFileSync(file, configuration(options, port));
  const program = new Program('kamailio', [
    '-f',
    file,
    '-DD',
    '-E',
    '-m',
    '64',
    '-M',
    '8',
    '-Y',
    directory,
    '-w',
    directory,
  ]);
  onTestFinished(() => void program.stop());
  await eventually('Kamailio answers', () => {
    if (program.status !== undefined) throw new Error(program.tail());
    return program.lines.some((line) => line.includes('edge ready'));
  });
  return { port, lines: program.lines, stop: () => program.stop().then(() => {}) };
}

const MODULES = [
  'tm',
  'sl',
  'rr',
  'pv',
  'maxfwd',
  'siputils',
  'textops',
  'usrloc',
  'registrar',
  'auth',
  'corex',
  'xlog',
  'rtimer',
];

/** One process for UDP: two of them pass a 180 and the 200 right behind it on in either order. */
const configuration = ({ address, realm, password, far, alsoAt, inside }: EdgeOptions, port: number) => `
debug=1
log_stderror=yes
children=1
tcp_children=2
auto_aliases=no
listen=udp:${address}:${port}
listen=tcp:${address}:${port}
${MODULES.map((name) => `loadmodule "${name}.so"`).join('\n')}
modparam("rr", "enable_full_lr", 1)
modparam("usrloc", "db_mode", 0)
modparam("registrar", "min_expires", 60)
modparam("rtimer", "timer", "name=ready;interval=1;mode=1;")
modparam("rtimer", "exec", "timer=ready;route=READY")
route[READY] { xlog("L_ALERT", "edge ready\\n"); }
request_route {
  if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
  if (has_totag()) {
    xlog("L_ALERT", "inside $rm $si routes=$hdr(Route)\\n");
    if (loose_route()) { t_relay(); exit; }
    if (is_method("ACK")) { if (t_check_trans()) t_relay(); exit; }
    sl_send_reply("404", "Not here");
    exit;
  }
  if (is_method("CANCEL")) { if (t_check_trans()) t_relay(); exit; }
  if (is_method("OPTIONS")) { sl_send_reply("200", "OK"); exit; }
  if (is_method("REGISTER")) {
    if (!pv_www_authenticate("${realm}", "${password}", "0")) { www_challenge("${realm}", "1"); exit; }
    xlog("L_ALERT", "registered $au expires=$hdr(Expires) contact=$ct\\n");
    save("location");
    exit;
  }
  t_check_trans();
  if ($si == "${inside}") {
    $var(number) = $rU;
    $ru = "sip:trunk@${address}:${port}";
    if (!lookup("location")) { sl_send_reply("480", "Not registered"); exit; }
    $rU = $var(number);
    record_route();
    t_relay();
    exit;
  }
  if (!pv_proxy_authenticate("${realm}", "${password}", "0")) { proxy_challenge("${realm}", "1"); exit; }
  consume_credentials();
  record_route();
  xlog("L_ALERT", "call of $au\\n");
  $ru = "sip:" + $rU + "@${far}";
  ${alsoAt === undefined ? '' : `append_branch("sip:branch@${alsoAt}");`}
  t_relay();
}
`;
