// Messages a second that are parsed, and parsed + serialised, on one core: a trunk INVITE with 19 header fields and
// SDP, beside drachtio-sip in the same run. Processor time is counted, not the clock's; rounds alternate between the
// contestants, rates are medians, and ratios are medians of each round's ratio, so that a busy machine misleads little.
//
//   npm run build && node bench/parse.mjs [--rounds 41] [--ms 60] [--dist dist] [--json]
//
// "parse" of ours includes what production needs before anything acts on a message: mandatory fields present, single
// and well-formed, Request-URI, top Via, From and To with tags, Call-ID and CSeq read, CSeq method, Max-Forwards and
// Content-Length checked. It starts from bytes; drachtio-sip starts from text and leaves header fields as text, so it
// is also shown with five of them parsed.
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '41' },
    ms: { type: 'string', default: '60' },
    dist: { type: 'string', default: 'dist' },
    json: { type: 'boolean', default: false },
  },
});
const require = createRequire(import.meta.url);
const Drachtio = require('drachtio-sip/lib/message.js');
const ours = await import(pathToFileURL(path.resolve(options.dist, 'sip/message/index.js')).href);

const sdp = [
  ...['v=0', 'o=- 3918273645 3918273645 IN IP4 192.0.2.10', 's=-', 'c=IN IP4 192.0.2.10', 't=0 0'],
  ...['m=audio 16384 RTP/AVP 0 8 101', 'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000'],
  ...['a=rtpmap:101 telephone-event/8000', 'a=fmtp:101 0-16', 'a=ptime:20', 'a=sendrecv', ''],
].join('\r\n');
const invite = [
  'INVITE sip:+15551230001@gw.example.com:5060;user=phone SIP/2.0',
  'Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK776asdhds7f3k;rport',
  'Via: SIP/2.0/UDP 192.0.2.44:5060;branch=z9hG4bKnashds8;received=192.0.2.44;rport=5060',
  'Record-Route: <sip:192.0.2.10;lr;ftag=1928301774>',
  'Max-Forwards: 69',
  'From: "Alice Example" <sip:+15557650002@pbx.example.com;user=phone>;tag=1928301774',
  'To: <sip:+15551230001@gw.example.com;user=phone>',
  'Call-ID: a84b4c76e66710f1e3a9@192.0.2.44',
  'CSeq: 314159 INVITE',
  'Contact: <sip:+15557650002@192.0.2.44:5060;transport=udp>',
  'Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, PRACK, REFER, NOTIFY',
  'Supported: 100rel, timer, replaces',
  'Session-Expires: 1800;refresher=uac',
  'Min-SE: 90',
  'P-Asserted-Identity: "Alice Example" <sip:+15557650002@pbx.example.com>',
  'Privacy: none',
  'User-Agent: ExamplePBX/20.5',
  'X-Trunk: 7',
  'Content-Type: application/sdp',
  `Content-Length: ${Buffer.byteLength(sdp)}`,
  '',
  sdp,
].join('\r\n');
const bytes = Buffer.from(invite);

function parsed() {
  const outcome = ours.parseDatagram(bytes);
  if (outcome.kind !== 'message') throw new Error(outcome.error.reason);
  return outcome.message;
}

function forwarded() {
  const message = parsed();
  message.headers.prepend('Via', 'SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKf00d5a1t');
  message.headers.set('Max-Forwards', String(message.maxForwards - 1));
  return ours.serialize(message);
}

function drachtioForwarded() {
  const message = new Drachtio(invite);
  message.headers.via = `SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKf00d5a1t,${message.headers.via}`;
  message.headers['max-forwards'] = String(Number(message.headers['max-forwards']) - 1);
  return message.toString();
}

function drachtioFive() {
  const message = new Drachtio(invite);
  for (const name of ['from', 'to', 'via', 'contact', 'cseq']) message.getParsedHeader(name);
  return message;
}

const contestants = {
  'drachtio-sip: parse': () => new Drachtio(invite),
  'drachtio-sip: parse + five headers parsed': drachtioFive,
  'drachtio-sip: parse + serialise': () => new Drachtio(invite).toString(),
  'drachtio-sip: parse + Via and Max-Forwards changed + serialise': drachtioForwarded,
  'ours: parse': parsed,
  'ours: parse + serialise': () => ours.serialize(parsed()),
  'ours: parse + Via and Max-Forwards changed + serialise': forwarded,
};

let kept;
/** Runs for about `ms` of processor time and gives the rate over it. */
function perSecond(work, ms) {
  const start = process.cpuUsage();
  let count = 0;
  let spentMs = 0;
  do {
    for (let repeat = 0; repeat < 500; repeat++) kept = work();
    count += 500;
    const { user, system } = process.cpuUsage(start);
    spentMs = (user + system) / 1000;
  } while (spentMs < ms);
  return (count / spentMs) * 1000;
}

const names = Object.keys(contestants);
for (const work of Object.values(contestants)) perSecond(work, 400);
const rounds = Array.from({ length: Number(options.rounds) }, () =>
  Object.fromEntries(names.map((name) => [name, perSecond(contestants[name], Number(options.ms))])),
);
if (kept === undefined) throw new Error('nothing ran');

const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
const rate = (name) => median(rounds.map((round) => round[name]));
const ratio = (what) =>
  Number(median(rounds.map((round) => round[`ours: ${what}`] / round[`drachtio-sip: ${what}`])).toFixed(2));
const report = {
  node: process.version,
  cpu: cpus()[0].model,
  inviteBytes: bytes.length,
  perSecond: Object.fromEntries(names.map((name) => [name, Math.round(rate(name))])),
  timesDrachtio: {
    parse: ratio('parse'),
    parseAndSerialise: ratio('parse + serialise'),
    parseChangeAndSerialise: ratio('parse + Via and Max-Forwards changed + serialise'),
  },
};
if (options.json) console.log(JSON.stringify(report));
else {
  console.log(`${report.cpu}, Node ${report.node}, INVITE of ${report.inviteBytes} bytes, one core, processor time`);
  for (const [name, perS] of Object.entries(report.perSecond)) {
    console.log(`${String(perS).padStart(9)}/s ${(1e6 / perS).toFixed(2).padStart(6)} us  ${name}`);
  }
  const { parse, parseAndSerialise, parseChangeAndSerialise } = report.timesDrachtio;
  console.log(
    `times drachtio-sip: parse ${parse}, parse + serialise ${parseAndSerialise}, with changes ${parseChangeAndSerialise}`,
  );
}
