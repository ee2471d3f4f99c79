import { expect } from 'vitest';
import { bodyOf, header, headers } from '../../peers/sip/message-log.js';
import { completed, type Scenario } from './scenario.js';
import { AUDIO, type Script } from './script.js';

/** What passes from leg to leg inside a call, and what does not. */

const hangUp = (call: Script): Script => call.pause(200).request('BYE').expect(200);
const hungUp = (call: Script): Script => call.on('BYE').reply(200);
const answered = (call: Script): Script => call.invite({ sdp: AUDIO }).expect(200).ack().pause(200);
const answers = (call: Script): Script => call.on('INVITE').reply(200, { sdp: AUDIO }).on('ACK');

const PASSING = [
  'User-to-User: 56a390f3d2b7310023a2;encoding=hex;purpose=foo',
  'Diversion: <sip:+12065550177@example.com>;reason=unconditional;counter=1',
  'History-Info: <sip:+12065550177@example.com>;index=1, <sip:+12025550122@example.com>;index=1.1;rc=1',
  'X-Account-Code: 42; a="b, c"',
  'P-Early-Media: supported',
  'Privacy: none',
  'Subject: about the fax',
];

const STAYING = [
  'X-VoiceConnector-ID: forged',
  'User-Agent: secret-pbx/1.0',
  'P-Charging-Vector: icid-value=1',
  'Organization: Acme',
];

const nameOf = (line: string): string => line.slice(0, line.indexOf(':'));
const textOf = (line: string): string => line.slice(line.indexOf(':') + 2);

const headersPass: Scenario = {
  name: 'end-to-end headers pass with their values, hop-by-hop ones stay',
  caller: (call) => {
    hangUp(
      call
        .invite({ headers: [...PASSING, ...STAYING], sdp: AUDIO })
        .expect(180)
        .expect(200)
        .ack(),
    );
  },
  answerer: (call) => {
    call.on('INVITE').reply(180, { headers: ['Alert-Info: <urn:alert:service:call-waiting>', 'X-Ring: 1'] });
    hungUp(call.reply(200, { headers: ['X-Answer: yes', 'User-to-User: 00;encoding=hex'], sdp: AUDIO }).on('ACK'));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const invite = answerer.received('INVITE')[0]!;
    for (const line of PASSING) expect(headers(invite, nameOf(line)), line).toEqual([textOf(line)]);
    for (const line of STAYING) expect(headers(invite, nameOf(line)), line).not.toContain(textOf(line));
    expect(headers(invite, 'Via'), 'our own hop alone').toHaveLength(1);
    expect(header(invite, 'Max-Forwards')).toBe('69');
    expect(header(caller.received(180)[0]!, 'Alert-Info')).toBe('<urn:alert:service:call-waiting>');
    expect(header(caller.received(180)[0]!, 'X-Ring')).toBe('1');
    expect(header(caller.received(200, 'INVITE')[0]!, 'X-Answer')).toBe('yes');
    expect(header(caller.received(200, 'INVITE')[0]!, 'User-to-User')).toBe('00;encoding=hex');
  },
};

const PIDF = `<?xml version="1.0" encoding="UTF-8"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10"
   xmlns:cl="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="pres:+12065550100@example.com">
 <tuple id="0"><status><gp:geopriv><gp:location-info>
   <cl:civicAddress><cl:country>US</cl:country><cl:A1>WA</cl:A1><cl:HNO>123</cl:HNO></cl:civicAddress>
 </gp:location-info><gp:usage-rules/></gp:geopriv></status></tuple>
</presence>`;

/** The parts of a multipart body between its boundaries, headers and all. */
const partsOf = (message: string, boundary: string): string[] =>
  bodyOf(message)
    .split(`--${boundary}`)
    .slice(1, -1)
    .map((part) => part.replace(/^\r\n/, '').replace(/\r\n$/, ''));

const LOCATION_PART = `Content-Type: application/pidf+xml
Content-ID: <alice123@atlanta.example.com>
Content-Disposition: by-reference;handling=optional

${PIDF}`;

const multipart = (sdpFirst: boolean): { type: string; text: string } => {
  const sdp = `Content-Type: application/sdp\n\n${AUDIO}\n`;
  const parts = sdpFirst ? [sdp, LOCATION_PART] : [LOCATION_PART, sdp];
  return {
    type: 'multipart/mixed;boundary="bound=ary 1"',
    text: `${parts.map((part) => `--bound=ary 1\n${part}\n`).join('')}--bound=ary 1--\n`,
  };
};

const location = (sdpFirst: boolean): Scenario => ({
  name: `multipart body with PIDF-LO ${sdpFirst ? 'behind' : 'before'} the description`,
  caller: (call) => {
    const headers = [
      'Geolocation: <cid:alice123@atlanta.example.com>',
      'Geolocation-Routing: yes',
      'MIME-Version: 1.0',
    ];
    hangUp(
      call
        .invite({ headers, body: multipart(sdpFirst) })
        .expect(200)
        .ack(),
    );
  },
  answerer: (call) => void hungUp(answers(call)),
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const invite = answerer.received('INVITE')[0]!;
    expect(header(invite, 'Geolocation')).toBe('<cid:alice123@atlanta.example.com>');
    expect(header(invite, 'Geolocation-Routing')).toBe('yes');
    const at = sdpFirst ? 1 : 0;
    const sent = caller.messages.find(({ text }) => text.startsWith('INVITE '))!.text;
    const parts = partsOf(invite, 'bound=ary 1');
    expect(parts).toHaveLength(2);
    expect(parts[at], 'byte for byte, its headers too').toBe(partsOf(sent, 'bound=ary 1')[at]);
    expect(parts[at]).toContain('Content-ID: <alice123@atlanta.example.com>');
    expect(parts[1 - at]).toMatch(/^m=audio \d+ RTP\/AVP 0\r$/m);
  },
});

const lateLocation: Scenario = {
  name: 'PIDF-LO with a late offer',
  caller: (call) => {
    const body = { type: 'multipart/mixed;boundary=one', text: `--one\n${LOCATION_PART}\n--one--\n` };
    const headers = ['Geolocation: <cid:alice123@atlanta.example.com>', 'MIME-Version: 1.0'];
    hangUp(call.invite({ headers, body }).expect(200).ack({ sdp: AUDIO }));
  },
  answerer: (call) => void hungUp(answers(call)),
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const sent = caller.messages.find(({ text }) => text.startsWith('INVITE '))!.text;
    expect(partsOf(answerer.received('INVITE')[0]!, 'one')).toEqual(partsOf(sent, 'one'));
  },
};

const foreignBody: Scenario = {
  name: 'a body that is no description in 180 and BYE harms nothing',
  caller: (call) => {
    call.invite({ sdp: AUDIO }).expect(180).expect(200).ack().pause(200);
    call.request('BYE', { body: { type: 'application/x-charge', text: 'price=1\n' } }).expect(200);
  },
  answerer: (call) => {
    call.on('INVITE').reply(180, { body: { type: 'application/x-ring', text: 'tone=1\n' } });
    hungUp(call.reply(200, { sdp: AUDIO }).on('ACK'));
  },
  record: completed('customer'),
};

const message: Scenario = {
  name: 'MESSAGE inside the call, both ways',
  caller: (call) => {
    answered(call)
      .request('MESSAGE', { body: { type: 'text/plain', text: 'hello äöü there' } })
      .expect(200);
    hangUp(call.on('MESSAGE').reply(202));
  },
  answerer: (call) => {
    answers(call).on('MESSAGE').reply(200);
    hungUp(call.request('MESSAGE', { body: { type: 'text/html', text: '<p>and back</p>' } }).expect(202));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    expect(Buffer.from(bodyOf(answerer.received('MESSAGE')[0]!), 'latin1').toString()).toBe('hello äöü there');
    expect(bodyOf(caller.received('MESSAGE')[0]!)).toBe('<p>and back</p>');
    expect(header(caller.received('MESSAGE')[0]!, 'Content-Type')).toBe('text/html');
  },
};

const info: Scenario = {
  name: 'INFO inside the call, with its package and body; a refusal comes back',
  caller: (call) => {
    const body = { type: 'application/dtmf-relay', text: 'Signal=5\nDuration=160\n' };
    answered(call)
      .request('INFO', { headers: ['Info-Package: dtmf', 'X-Key: 5'], body })
      .expect(200);
    hangUp(call.request('INFO', { body: { type: 'application/odd', text: 'x' } }).expect(415));
  },
  answerer: (call) => {
    answers(call)
      .on('INFO')
      .reply(200)
      .on('INFO', 'second')
      .reply(415, { headers: ['Accept: application/dtmf-relay'] });
    hungUp(call);
  },
  record: completed('customer'),
  check: ({ answerer }) => {
    const [first] = answerer.received('INFO');
    expect(header(first!, 'Info-Package')).toBe('dtmf');
    expect(header(first!, 'X-Key')).toBe('5');
    expect(bodyOf(first!)).toBe('Signal=5\r\nDuration=160\r\n');
  },
};

const REFER_TO = '<sip:+12025550188@example.com?Replaces=abc%3Bto-tag%3D1%3Bfrom-tag%3D2>';

const referRefused: Scenario = {
  name: 'REFER refused by setting',
  caller: (call) =>
    void hangUp(
      answered(call)
        .request('REFER', { headers: [`Refer-To: ${REFER_TO}`] })
        .expect(403),
    ),
  answerer: (call) => void hungUp(answers(call)),
  record: completed('customer'),
  check: ({ answerer }) => expect(answerer.received('REFER')).toEqual([]),
};

const referPassed: Scenario = {
  name: 'REFER passed by setting, and NOTIFY back',
  caller: (call) => {
    const headers = [`Refer-To: ${REFER_TO}`, 'Referred-By: <sip:+12065550100@example.com>'];
    answered(call).request('REFER', { headers }).expect(202);
    hangUp(call.on('NOTIFY').reply(200));
  },
  answerer: (call) => {
    answers(call).on('REFER').reply(202);
    const headers = ['Event: refer', 'Subscription-State: terminated;reason=noresource'];
    const body = { type: 'message/sipfrag;version=2.0', text: 'SIP/2.0 200 OK\n' };
    hungUp(call.pause(100).request('NOTIFY', { headers, body }).expect(200));
  },
  record: completed('customer'),
  check: ({ caller, answerer }) => {
    const refer = answerer.received('REFER')[0]!;
    expect(header(refer, 'Refer-To')).toBe(REFER_TO);
    expect(header(refer, 'Referred-By')).toBe('<sip:+12065550100@example.com>');
    const notify = caller.received('NOTIFY')[0]!;
    expect(header(notify, 'Event')).toBe('refer');
    expect(header(notify, 'Subscription-State')).toBe('terminated;reason=noresource');
    expect(bodyOf(notify)).toBe('SIP/2.0 200 OK\r\n');
  },
};

const headersRemoved: Scenario = {
  name: 'headers that a carrier is not to get',
  caller: (call) => void hangUp(call.invite({ headers: PASSING, sdp: AUDIO }).expect(200).ack()),
  answerer: (call) => void hungUp(answers(call)),
  carrier: { removeHeaders: ['Diversion', 'X-*'], addHeaders: { 'X-Trunk': 'seven' } },
  record: completed('customer'),
  check: ({ answerer }) => {
    const invite = answerer.received('INVITE')[0]!;
    expect(headers(invite, 'Diversion')).toEqual([]);
    expect(headers(invite, 'X-Account-Code')).toEqual([]);
    expect(headers(invite, 'User-to-User')).toHaveLength(1);
    expect(headers(invite, 'X-Trunk')).toEqual(['seven']);
  },
};

export const passing: readonly Scenario[] = [
  headersPass,
  headersRemoved,
  location(true),
  location(false),
  lateLocation,
  foreignBody,
  message,
  info,
  referRefused,
];

/** For a gateway with `sip.refer: pass`. */
export const transfer: readonly Scenario[] = [referPassed];
