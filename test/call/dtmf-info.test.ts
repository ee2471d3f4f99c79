import { describe, expect, test } from 'vitest';
import { isDigitFault, isDigitType, readDigit, writeDigit } from '../../src/call/dtmf-info.js';

const relay = (text: string) => readDigit({ contentType: 'application/dtmf-relay', bytes: Buffer.from(text) });
const plain = (text: string) => readDigit({ contentType: 'application/dtmf; charset=utf-8', bytes: Buffer.from(text) });

describe('digits in INFO', () => {
  test.each([
    ['Signal=5\r\nDuration=160\r\n', { event: 5, durationMs: 160 }],
    ['Signal= 5\r\nDuration= 250', { event: 5, durationMs: 250 }],
    ['signal=*\nduration=100\n', { event: 10, durationMs: 100 }],
    ['Signal=#', { event: 11, durationMs: 160 }],
    ['Signal=d\r\n', { event: 15, durationMs: 160 }],
    ['Signal=11\r\n', { event: 11, durationMs: 160 }],
    ['Signal=!\r\n', { event: 16, durationMs: 160 }],
    ['\r\nX=1\r\nSignal=0\r\nDuration=1\r\n', { event: 0, durationMs: 40 }],
    ['Signal=0\r\nDuration=999999999', { event: 0, durationMs: 5000 }],
  ])('application/dtmf-relay %j', (text, digit) => {
    expect(relay(text)).toEqual(digit);
  });

  test.each([
    ['7', 7],
    [' #\r\n', 11],
    ['16', 16],
  ])('application/dtmf %j', (text, event) => {
    expect(plain(text)).toEqual({ event, durationMs: 160 });
  });

  test.each([
    '',
    'Signal=\r\n',
    'Signal=55\r\n',
    'Signal=E',
    'Duration=160',
    'Signal=5\r\nDuration=-1',
    'Signal=5\r\nDuration=1e9',
    `Signal=5\r\n${'X=1\r\n'.repeat(99)}`,
  ])('a bad body is refused with 400 and says why: %j', (text) => {
    const fault = relay(text);
    expect(isDigitFault(fault) && fault.reason).toBeTruthy();
    expect(fault).toMatchObject({ sipStatus: 400, code: 'dtmf.malformed' });
  });

  test.each(['', '55', 'x', 'Signal=5'])('a bad plain body too: %j', (text) => {
    expect(plain(text)).toMatchObject({ sipStatus: 400 });
  });

  test('what is written is read again, for every event', () => {
    for (let event = 0; event <= 16; event++) {
      const body = writeDigit({ event, durationMs: 123.4 });
      expect(isDigitType(body.contentType)).toBe(true);
      expect(readDigit(body)).toEqual({ event, durationMs: 123 });
    }
    expect(writeDigit({ event: 5, durationMs: 160 }).bytes.toString()).toBe('Signal=5\r\nDuration=160\r\n');
  });
});
