import { describe, expect, it } from 'vitest';
import type { Path } from '../../src/config/path.js';
import { readYaml } from '../../src/config/yaml.js';

const reasonOf = (text: string) => readYaml(text).faults.map(({ message }) => message);

describe('a YAML text', () => {
  it('that is empty, or a comment alone, is an empty map', () => {
    for (const text of ['', '\n', '# nothing yet\n', '---\n', 'null\n']) {
      expect(readYaml(text)).toMatchObject({ value: {}, faults: [] });
    }
  });

  it('is read by the core schema of YAML 1.2', () => {
    const text =
      'a: yes\nb: 0o17\nc: 1e3\nd: ~\ne: 2026-11-21\nf: "+1206"\ng: >-\n  two\n  lines\n"h i": [x, {y: z}]\n';
    const value = {
      ...{ a: 'yes', b: 15, c: 1000, d: null, e: '2026-11-21', f: '+1206', g: 'two lines' },
      'h i': ['x', { y: 'z' }],
    };
    expect(readYaml(text)).toMatchObject({ value, faults: [] });
  });

  it('is one document', () => expect(reasonOf('a: 1\n---\nb: 2\n')).toEqual([expect.stringContaining('one document')]));

  it('may share values by aliases, but not without end', () => {
    expect(readYaml('a: &x {b: [1, 2]}\nc: *x\nd: *x\n').value).toMatchObject({ d: { b: [1, 2] } });
    expect(reasonOf('a: &a [*a]\n')).toHaveLength(1);
    const laughs = ['a: &a [x,x,x,x,x,x,x,x,x,x]'];
    for (let at = 1; at < 20; at++) {
      const [before, name] = ['abcdefghijklmnopqrst'[at - 1], 'abcdefghijklmnopqrst'[at]];
      laughs.push(`${name}: &${name} [${Array(10).fill(`*${before}`)}]`);
    }
    expect(reasonOf(laughs.join('\n'))).toEqual([expect.stringContaining('aliases expand')]);
  });

  it('that is deep beyond reason, or has unknown tags, is a fault', () => {
    expect(reasonOf('['.repeat(10_000))).toHaveLength(1);
    expect(reasonOf('a: !!js/function "f"\n')).toHaveLength(1);
  });
});

describe('the line of a value', () => {
  const text = [
    'domain: x # 1',
    '',
    'sip:',
    '  listen:',
    '    - udp://127.0.0.1:1',
    '    - {host: a, port:',
    '        5}',
    '  empty:',
    '"quoted key": 8',
    'base: &base',
    '  deep: 11',
    'again: *base',
    'text: |',
    '  one',
    '  two',
    'last: 16',
  ].join('\n');
  const lines: [Path, number | undefined][] = [
    [['domain'], 1],
    [['sip'], 4],
    [['sip', 'listen', 0], 5],
    [['sip', 'listen', 1, 'host'], 6],
    [['sip', 'listen', 1, 'port'], 7],
    [['sip', 'listen', 1, 'missing'], 6],
    [['sip', 'listen', 9], 5],
    [['sip', 'empty'], 8],
    [['quoted key'], 9],
    [['base', 'deep'], 11],
    [['again'], 12],
    [['again', 'deep'], 12],
    [['last'], 16],
    [['nowhere'], undefined],
    [[], undefined],
  ];
  it.each(lines)('at %j is %s', (path, line) => {
    expect(readYaml(text).lineOf(path)).toBe(line);
    expect(readYaml(text.replaceAll('\n', '\r\n')).lineOf(path)).toBe(line);
  });

  it('is told for faults of the syntax', () => {
    expect(readYaml('a: 1\nb: [1\nc: 2\n').faults[0]!.line).toBeGreaterThan(1);
    expect(readYaml('a: 1\nb: 2\na: 3\n').faults).toMatchObject([{ line: 3 }]);
  });
});
