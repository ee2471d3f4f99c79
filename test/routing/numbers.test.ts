import fc from 'fast-check';
import examples from 'libphonenumber-js/examples.mobile.json' with { type: 'json' };
import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { describe, expect, it } from 'vitest';
import {
  callingCodeDigits,
  countryOf,
  formatNumber,
  isPlainE164,
  printable,
  readNumber,
} from '../../src/routing/index.js';

const library = (number: string) => parsePhoneNumberFromString(number)?.country;

describe('country of a number', () => {
  it('is the library’s for an example of each country', () => {
    for (const country of getCountries()) {
      const example = getExampleNumber(country, examples as never);
      if (example) expect(countryOf(example.number), example.number).toBe(library(example.number));
    }
  });

  it('is the library’s for any digits after any calling code', () => {
    const codes = [...new Set(getCountries().map((country) => getCountryCallingCode(country as CountryCode)))];
    const number = fc
      .tuple(fc.constantFrom(...codes, '800', '881', '999', '0'), fc.stringMatching(/^\d{2,11}$/))
      .map(([code, rest]) => `+${code}${rest}`);
    fc.assert(
      fc.property(number.filter(isPlainE164), (text) => countryOf(text) === library(text)),
      { numRuns: 5000, seed: 4 },
    );
  });

  it('is the library’s all over the shared codes', () => {
    for (const code of ['1', '7', '39', '44', '47', '61', '212', '262', '290', '358', '590', '599']) {
      fc.assert(
        fc.property(
          fc.stringMatching(/^\d{7,10}$/),
          (rest) => countryOf(`+${code}${rest}`) === library(`+${code}${rest}`),
        ),
        { numRuns: 400, seed: Number(code) },
      );
    }
  });

  it.each([
    ['+12065550100', 'US'],
    ['+14165550100', 'CA'],
    ['+18765550100', 'JM'],
    ['+442079460958', 'GB'],
    ['+447781123456', 'GG'],
    ['+77011234567', 'KZ'],
    ['+390612345678', 'IT'],
    ['+88213123456', undefined],
    ['+999123', undefined],
  ])('%s: %s', (number, country) => expect(countryOf(number)).toBe(country));

  it('reads the calling code', () => {
    expect(callingCodeDigits('+12065550100')).toBe('1');
    expect(callingCodeDigits('+35312345678')).toBe('353');
    expect(callingCodeDigits('+999')).toBeUndefined();
  });
});

describe('reading a URI user', () => {
  it('never throws and gives E.164 or nothing', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.stringMatching(/^[+0-9 ().;=*#a-z-]{0,40}$/)),
        fc.constantFrom(undefined, 'US', 'DE', 'IT'),
        (user, country) => {
          const reading = readNumber(user, country);
          if (reading.kind === 'e164') expect(reading.number).toMatch(/^\+[1-9]\d{1,14}$/);
        },
      ),
      { numRuns: 2000, seed: 9 },
    );
  });

  it('gives the same number however it is punctuated', () => {
    const punctuated = fc.array(fc.constantFrom('', '-', '.', ' ', '(', ')'), { minLength: 11, maxLength: 11 });
    fc.assert(
      fc.property(punctuated, (marks) => {
        const user = `+${[...'12065550100'].map((digit, index) => digit + marks[index]!).join('')}`;
        expect(readNumber(user)).toEqual({ kind: 'e164', number: '+12065550100' });
      }),
      { seed: 5 },
    );
  });

  it('keeps short codes apart from numbers', () => {
    expect(readNumber('911')).toEqual({ kind: 'local', digits: '911' });
    expect(readNumber('*31#')).toEqual({ kind: 'local', digits: '*31#' });
    expect(readNumber('')).toEqual({ kind: 'invalid' });
    expect(readNumber('9'.repeat(5000))).toEqual({ kind: 'invalid' });
  });
});

describe('writing a number', () => {
  it('leaves what is no E.164 number as it is', () => {
    expect(formatNumber('911', { kind: 'e164-without-plus' })).toBe('911');
    expect(formatNumber('anonymous', { kind: 'national', country: 'US' })).toBe('anonymous');
  });

  it('makes text from the wire fit for a reason phrase', () => {
    expect(printable('a\r\nb\u0000ü')).toBe('a??b??');
    expect(printable('x'.repeat(100))).toHaveLength(32);
  });
});
