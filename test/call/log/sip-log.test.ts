import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { JsonLinesLog } from '../../../src/call/log/json-lines.js';
import { redactSip, SipMessageLog } from '../../../src/call/log/sip-log.js';
import { SeededRandom, silentLogger, VirtualTime } from '../../../src/core/index.js';

const TIME_MS = Date.UTC(2026, 4, 31, 12);
const directories: string[] = [];

afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

function logs() {
  const root = mkdtempSync(join(tmpdir(), 'sip-log-'));
  directories.push(root);
  const lines = new JsonLinesLog(root, new VirtualTime(), silentLogger);
  const log = new SipMessageLog(lines, 'local-1');
  log.register('call', 'connector1', 'transaction-1');
  const written = async (): Promise<{ sip_message: string }[]> => {
    await lines.flush();
    const text = readFileSync(join(root, 'connector1', '2026-05-31.jsonl'), 'utf8');
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  return { lines, log, written };
}

const message = (...rows: string[]): string =>
  `INVITE sip:a@b SIP/2.0\r\n${rows.map((row) => `${row}\r\n`).join('')}\r\n`;

describe('SIP message log', () => {
  it.each([
    ['quotes and backslashes', message('From: "Al \\"x\\"" <sip:a@b>', 'Subject: \\n')],
    ['UTF-8', message('Subject: Grüße, 電話')],
    ['bytes that are no UTF-8', 'x\xff\xfe\r\n'],
    ['tabs, NUL and DEL', message('Subject: a\tb\0c\x7f')],
    ['bare line feeds', 'a\nb\n'],
    ['an SDES key', message('', 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQ')],
    ['credentials', message('Authorization: Digest username="x", response="y"', 'Allow: INVITE')],
    ['credentials of a proxy, folded', message('pRoxy-authorization: Digest\r\n\tresponse="secret"', 'Allow: INVITE')],
    ['names that only begin alike', message('Privacy: id', 'Authentic: yes')],
    ['credentials in a body', message('Content-Type: message/sip', '', 'Authorization: Digest response="secret"')],
    ['nothing at all', ''],
  ])('keeps a message with %s as JSON.stringify of its redacted text would', async (_what, text) => {
    const { log, written } = logs();
    const bytes = Buffer.from(text, text.includes('\xff') ? 'latin1' : 'utf8');
    log.message('call', TIME_MS, bytes);
    expect(await written()).toEqual([
      {
        voice_connector_id: 'connector1',
        aws_region: 'local-1',
        event_timestamp: TIME_MS,
        call_id: 'transaction-1',
        sip_message: redactSip(bytes.toString('utf8')),
      },
    ]);
  });

  it('keeps random messages whole and in order over many chunks', async () => {
    const { log, written } = logs();
    const random = new SeededRandom(7);
    const alphabet = ['a', '"', '\\', '\r\n', '\n', 'p', 'r', 'au', 'é', '\t', 'inline:', ' ', 'x'.repeat(400)];
    const texts = Array.from({ length: 2000 }, () =>
      Array.from({ length: random.uint32() % 12 }, () => alphabet[random.uint32() % alphabet.length]).join(''),
    );
    for (const text of texts) log.message('call', TIME_MS, Buffer.from(text));
    expect((await written()).map((line) => line.sip_message)).toEqual(texts.map(redactSip));
  });

  it('takes nothing more past its bound, counts it, and goes on once what waited is written', async () => {
    const { lines, log, written } = logs();
    const large = Buffer.alloc(1024 * 1024, 'x');
    for (let times = 0; times < 70; times++) log.message('call', TIME_MS, large);
    expect(lines.dropped).toBeGreaterThan(4);
    const { dropped } = lines;
    expect(await written()).toHaveLength(70 - dropped);
    log.message('call', TIME_MS, large);
    expect(lines.dropped).toBe(dropped);
    expect(await written()).toHaveLength(71 - dropped);
  });
});
