import { below, type Random } from '../../src/core/index.js';

/**
 * A seeded mutation fuzzer: small random changes to known inputs, aimed at the delimiters that parsers decide on.
 * The same seed gives the same run.
 */

const DELIMITERS = Buffer.from('\r\n \t:;,"<>\\%@[]=/?()-&+\0\u007f\u0080\u00ff0z', 'latin1');

const FRAGMENTS: readonly Buffer[] = [
  ...[
    '\r\n',
    '\r\n\r\n',
    '\r\n ',
    '\n',
    '\r',
    ': ',
    ';;',
    ',,',
    '""',
    '"\\',
    '\\"',
    '<>',
    '<sip:',
    '>;tag=',
    ';branch=z9hG4bK',
  ],
  ...[
    'SIP/2.0',
    'SIP/2.0/UDP ',
    'sip:',
    'sips:',
    'tel:',
    '%00',
    '%zz',
    '[::1]',
    '[',
    '4294967296',
    '99999999999999999999',
    '-1',
  ],
  ...[
    'Content-Length: 5\r\n',
    'l: 0\r\n',
    'Via: SIP/2.0/UDP x\r\n',
    'v:\r\n a\r\n',
    'X: y\r\n',
    'm=audio 1 RTP/AVP 0\r\n',
  ],
  ...[
    'c=IN IP4 0.0.0.0\r\n',
    'a=rtpmap:0 X/1\r\n',
    'a=crypto:1 A inline:b\r\n',
    '--uniq-1\r\n',
    '--uniq-1--',
    '\r\n--',
    'o=- 1 1 IN IP6 ::\r\n',
  ],
].map((text) => Buffer.from(text, 'latin1'));

type Step = (bytes: Buffer, random: Random, seeds: readonly Buffer[]) => Buffer;

const at = (bytes: Buffer, random: Random): number => below(random, bytes.length + 1);

function spliced(bytes: Buffer, start: number, end: number, middle: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(0, start), middle, bytes.subarray(end)]);
}

/** A stretch of up to `longest` bytes. */
function stretch(bytes: Buffer, random: Random, longest: number): [start: number, end: number] {
  const start = at(bytes, random);
  return [start, Math.min(bytes.length, start + below(random, longest))];
}

const flipBit: Step = (bytes, random) => {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  const position = below(random, copy.length);
  copy[position] = copy[position]! ^ (1 << below(random, 8));
  return copy;
};

const setDelimiter: Step = (bytes, random) => {
  if (bytes.length === 0) return bytes;
  const copy = Buffer.from(bytes);
  copy[below(random, copy.length)] = DELIMITERS[below(random, DELIMITERS.length)]!;
  return copy;
};

const insertFragment: Step = (bytes, random) => {
  const position = at(bytes, random);
  return spliced(bytes, position, position, FRAGMENTS[below(random, FRAGMENTS.length)]!);
};

const remove: Step = (bytes, random) => {
  const [start, end] = stretch(bytes, random, 40);
  return spliced(bytes, start, end, Buffer.alloc(0));
};

const repeat: Step = (bytes, random) => {
  const [start, end] = stretch(bytes, random, 60);
  const times = below(random, 20) === 0 ? 300 : 1 + below(random, 4);
  return spliced(bytes, end, end, Buffer.concat(Array.from({ length: times }, () => bytes.subarray(start, end))));
};

const move: Step = (bytes, random) => {
  const [start, end] = stretch(bytes, random, 80);
  const rest = spliced(bytes, start, end, Buffer.alloc(0));
  const position = at(rest, random);
  return spliced(rest, position, position, bytes.subarray(start, end));
};

const truncate: Step = (bytes, random) => bytes.subarray(0, at(bytes, random));

const cross: Step = (bytes, random, seeds) => {
  const other = seeds[below(random, seeds.length)]!;
  const [start, end] = stretch(other, random, 200);
  const position = at(bytes, random);
  return spliced(bytes, position, Math.min(bytes.length, position + below(random, 60)), other.subarray(start, end));
};

const STEPS: readonly Step[] = [
  ...[flipBit, setDelimiter, setDelimiter, setDelimiter, insertFragment, insertFragment, insertFragment],
  ...[remove, remove, repeat, move, cross, cross, truncate],
];

/** A seed changed one to six times, never longer than 70000 bytes. */
export function mutate(random: Random, seeds: readonly Buffer[]): Buffer {
  let bytes = seeds[below(random, seeds.length)]!;
  for (let count = 1 + below(random, 6); count > 0; count--) {
    bytes = STEPS[below(random, STEPS.length)]!(bytes, random, seeds);
  }
  return bytes.subarray(0, 70_000);
}
