import { expect, it } from 'vitest';
import { checkConfig, differences } from '../../src/config/index.js';

function config(value: object) {
  const outcome = checkConfig(value);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.faults));
  return outcome.config;
}

const carrier = (name: string, more: object = {}) => ({ name, hosts: [{ host: '192.0.2.1' }], ...more });

it('names what was added, removed and changed by path, and shows no secret', () => {
  const before = config({
    drainSeconds: 10,
    carriers: [carrier('a', { credentials: { username: 'u', password: 'old-secret' } }), carrier('b')],
  });
  const after = config({
    drainSeconds: 20,
    carriers: [carrier('c'), carrier('a', { maxCalls: 5, credentials: { username: 'u', password: 'new-secret' } })],
  });
  const found = differences(before, after);
  expect(found.map(({ change, path }) => `${change} ${path}`).sort()).toEqual([
    'added carriers[c]',
    'changed carriers[a].credentials.password',
    'changed carriers[a].maxCalls',
    'changed drainSeconds',
    'removed carriers[b]',
  ]);
  expect(JSON.stringify(found)).not.toContain('secret');
  expect(found.find(({ path }) => path === 'drainSeconds')).toMatchObject({ before: 10, after: 20 });
});

it('finds nothing where nothing changed', () => {
  expect(differences(config({ carriers: [carrier('a')] }), config({ carriers: [carrier('a')] }))).toEqual([]);
});
