import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { below, type Random } from '../../src/core/index.js';
import { parseAuthParams } from '../../src/sip/auth/index.js';
import {
  boundaryOf,
  findBody,
  isAnswerable,
  MultipartBody,
  NameAddress,
  Params,
  type ParseOutcome,
  parseDatagram,
  SipRequest,
  type SipResponse,
  SipSyntaxError,
  SipUri,
  StreamFramer,
  serialize,
  splitCommas,
  Via,
} from '../../src/sip/message/index.js';
import {
  answerInPlaces,
  effectiveDirection,
  formatsOf,
  mediaAddress,
  offeredStreams,
  packetTimesMs,
  parseSdp,
  rewriteForLeg,
  SdpError,
  SessionDescription,
  serializeSdp,
} from '../../src/sip/sdp/index.js';
import { refusalOf } from '../sip/engine/checked.js';
import { tortureBytes, tortureCases } from '../sip/message/torture.js';

/** What is fuzzed: inputs to start from, and a body that runs one input and asserts what must always hold. */
export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Buffer[];
  readonly run: (bytes: Buffer, random: Random) => void;
}

const folder = new URL('./seeds/', import.meta.url);
const seedFiles = (ending: string): Buffer[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => readFileSync(new URL(name, folder)));
const seedLines = (name: string): Buffer[] =>
  readFileSync(new URL(name, folder), 'latin1')
    .trimEnd()
    .split('\n')
    .map((line) => Buffer.from(line, 'latin1'));

const messages = [...seedFiles('.sip'), ...tortureCases().map(({ file }) => tortureBytes(file))];
const descriptions = [...seedFiles('.sdp'), Buffer.from('v=0\r\no=a 1 1 IN IP4 h\r\n')];

/** Runs a view that may refuse its input, but in no other way than by SipSyntaxError. */
function tolerant<Value>(view: () => Value): Value | undefined {
  try {
    return view();
  } catch (error) {
    if (error instanceof SipSyntaxError) return undefined;
    throw error;
  }
}

const rowsOf = (message: SipRequest | SipResponse): string[][] => [...message.headers.entries()];

function readEverything(message: SipRequest | SipResponse): void {
  const names = new Set<string>();
  for (const [name, value] of message.headers.entries()) {
    assert.doesNotMatch(value, /[\r\n]/);
    names.add(name);
  }
  for (const name of names) assert.ok(message.headers.has(name) && message.headers.list(name).length >= 0);
  for (const view of ['from', 'to', 'cseq', 'topVia', 'contacts', 'contact'] as const) tolerant(() => message[view]);
  tolerant(() => message.from.sipUri.toString());
  tolerant(() => message.to.sipUri.equals(message.from.sipUri));
  tolerant(() => findBody(message.body, message.headers.get('Content-Type'), 'application/sdp'));
  assert.equal(typeof message.contentType === 'string' || message.contentType === undefined, true);
  for (const route of [...message.routes, ...message.recordRoutes]) tolerant(() => NameAddress.parse(route).sipUri);
}

function checkAccepted(outcome: Extract<ParseOutcome, { kind: 'message' }>, bytes: Buffer): void {
  const { message, length } = outcome;
  assert.ok(length <= bytes.length);
  readEverything(message);
  assert.ok(message.topVia.host !== '' && message.callId !== '' && message.cseq.method !== '');
  if (message instanceof SipRequest) {
    assert.equal(message.cseq.method, message.method);
    assert.ok(message.uri.scheme !== '');
    refusalOf(message);
  }
  const rows = rowsOf(message);
  const written = serialize(message);
  const again = parseDatagram(written);
  assert.ok(again.kind === 'message' && again.length === written.length);
  const stated = rows.some(([name]) => name === 'Content-Length');
  assert.deepEqual(rowsOf(again.message), stated ? rows : [...rows, ['Content-Length', String(message.body.length)]]);
  assert.ok(again.message.body.equals(message.body));
}

/** Changes some rows at random; what is written must read back as what the headers say. */
function checkChanged({ message }: Extract<ParseOutcome, { kind: 'message' }>, random: Random): void {
  const names = [...message.headers.entries()]
    .map(([name]) => name)
    .filter((name) => name.startsWith('X') || name === 'Via');
  for (let count = below(random, 6); count > 0; count--) {
    const name = below(random, 3) === 0 ? 'X-New' : (names[below(random, names.length)] ?? 'Via');
    const value = 'SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKchanged';
    const change = below(random, 4);
    if (change === 0) message.headers.set(name, value);
    else if (change === 1) message.headers.append(name, value);
    else if (change === 2) message.headers.prepend(name, value);
    else if (name !== 'Via') message.headers.remove(name);
  }
  if (below(random, 3) === 0) message.body = Buffer.from('changed\r\n');
  const written = serialize(message);
  const again = parseDatagram(written, { maxHeaderBytes: 64 * 1024, maxBodyBytes: 64 * 1024, maxHeaderFields: 200 });
  assert.ok(again.kind === 'message' && again.length === written.length);
  assert.deepEqual(rowsOf(again.message), rowsOf(message));
  assert.ok(again.message.body.equals(message.body));
}

function runMessage(bytes: Buffer, random: Random): void {
  const outcome = parseDatagram(bytes);
  if (outcome.kind === 'message') {
    checkAccepted(outcome, bytes);
    checkChanged(outcome, random);
    return;
  }
  assert.ok(outcome.kind === 'error');
  const { error } = outcome;
  assert.ok(error.offset >= 0 && error.offset <= bytes.length);
  assert.ok([400, 413, 505].includes(error.status));
  assert.match(error.reason, /^[\x20-\x7e]+$/);
  if (error.message === undefined) return;
  readEverything(error.message);
  if (isAnswerable(error.message)) error.message.headers.all('Via');
  serialize(error.message);
}

function chunked(bytes: Buffer, random: Random): Buffer[] {
  const chunks: Buffer[] = [];
  for (let start = 0; start < bytes.length; ) {
    const end = start + 1 + below(random, below(random, 4) === 0 ? 8 : 700);
    chunks.push(bytes.subarray(start, end));
    start = end;
  }
  return chunks;
}

/** Messages and the error that a stream gives; keep-alives depend on how it is cut. */
function framedBy(chunks: readonly Buffer[]): string[] {
  const framer = new StreamFramer(undefined, 'server');
  const seen: string[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let outcome = framer.next(); outcome.kind !== 'more'; outcome = framer.next()) {
      if (outcome.kind === 'message') seen.push(outcome.bytes.toString('latin1'));
      if (outcome.kind === 'error') return [...seen, outcome.error.code];
    }
    assert.ok(framer.pendingBytes <= 32 * 1024 + 64 * 1024);
  }
  return seen;
}

function runStream(bytes: Buffer, random: Random): void {
  const whole = Buffer.concat([bytes, messages[below(random, messages.length)]!, bytes.subarray(0, 2000)]);
  assert.deepEqual(framedBy(chunked(whole, random)), framedBy([whole]));
}

function runUri(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  const uri = tolerant(() => SipUri.parse(text));
  if (uri === undefined) return;
  const again = SipUri.parse(uri.toString());
  assert.equal(again.toString(), uri.toString());
  assert.ok(uri.equals(again) && again.equals(uri));
  assert.doesNotMatch(uri.toString(), /[\r\n <>]/);
  assert.equal(typeof uri.unescapedUser, typeof uri.user);
}

function runAddress(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  splitCommas(text);
  const address = tolerant(() => NameAddress.parse(text));
  if (address !== undefined) {
    const again = NameAddress.parse(address.toString());
    assert.equal(again.uri, address.uri);
    assert.equal(again.tag, address.tag);
    tolerant(() => address.sipUri.params.get('lr'));
  }
  const via = tolerant(() => Via.parse(text));
  if (via === undefined) return;
  const again = Via.parse(via.toString());
  assert.deepEqual(
    [again.host, again.port, again.transport, again.branch],
    [via.host, via.port, via.transport, via.branch],
  );
  assert.deepEqual([again.rport, again.received], [via.rport, via.received]);
}

function runParams(bytes: Buffer): void {
  const text = bytes.toString('latin1');
  parseAuthParams(text);
  const params = tolerant(() => Params.parse(`;${text.replace(/^\S+ /, '').replace(/, */g, ';')}`));
  if (params === undefined) return;
  assert.deepEqual([...Params.parse(params.toString()).entries()], [...params.entries()]);
  for (const [name, value] of params.entries()) assert.equal(params.get(name.toUpperCase()), value);
}

const ORDER = { address: '198.51.100.7', rtpPort: 30000, rtcpPort: 30001, sessionId: 1, version: 1, username: '-' };

function runSdp(bytes: Buffer): void {
  const description = parseSdp(bytes);
  if (description instanceof SdpError) return;
  const written = serializeSdp(description);
  const again = parseSdp(written);
  assert.ok(!(again instanceof SdpError));
  assert.ok(serializeSdp(again).equals(written));
  for (const media of description.media) {
    mediaAddress(description, media);
    effectiveDirection(description, media);
    packetTimesMs(media);
    for (const format of formatsOf(media)) assert.ok(format.payloadType <= 127 && format.channels <= 999);
  }
  const { description: other, anchored } = rewriteForLeg(description, { ...ORDER, crypto: ['1 A inline:x'] });
  const sent = parseSdp(serializeSdp(other));
  assert.ok(!(sent instanceof SdpError), 'rewritten description does not parse');
  assert.equal(sent.media.length, description.media.length);
  assert.equal(sent.origin.address, ORDER.address);
  assert.ok(sent.media.every((media, at) => media.port === (at === anchored ? ORDER.rtpPort : 0)));
  const placed = answerInPlaces(offeredStreams(description), new SessionDescription(sent.session, sent.media.slice(1)));
  assert.equal(placed.media.length, description.media.length);
}

function runMultipart(bytes: Buffer): void {
  tolerant(() => boundaryOf(`multipart/mixed;${bytes.toString('latin1', 0, 100)}`));
  const multipart = tolerant(() => MultipartBody.parse(bytes, 'multipart/mixed;boundary=uniq-1'));
  if (multipart === undefined) return;
  assert.ok(multipart.serialize().equals(bytes));
  for (const part of multipart.parts) assert.equal(typeof part.contentType, 'string');
}

export const TARGETS: readonly FuzzTarget[] = [
  { name: 'message', seeds: messages, run: runMessage },
  { name: 'stream framing', seeds: messages, run: runStream },
  { name: 'uri', seeds: seedLines('uris.txt'), run: runUri },
  { name: 'address and via', seeds: seedLines('addresses.txt'), run: runAddress },
  { name: 'digest parameters', seeds: seedLines('digest.txt'), run: runParams },
  { name: 'session description', seeds: descriptions, run: runSdp },
  { name: 'multipart', seeds: seedFiles('.multipart'), run: runMultipart },
];
