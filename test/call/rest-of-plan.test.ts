import { describe, expect, it } from 'vitest';
import { RestOfPlan } from '../../src/call/rest-of-plan.js';
import type { PlannedAttempt } from '../../src/routing/index.js';
import { SipResponse } from '../../src/sip/index.js';

const target = (host: string, port?: number, protocol = 'UDP') =>
  ({ host, port, protocol, calledNumber: '+12025550122' }) as unknown as PlannedAttempt;

function afterRedirect(...contacts: string[]): string[] {
  const rest = new RestOfPlan([
    target('a.example'),
    target('b.example', 5070),
    target('c.example', undefined, 'TLS'),
    target('d.example'),
  ]);
  rest.next();
  const response = SipResponse.create(302);
  for (const contact of contacts) response.headers.append('Contact', contact);
  rest.redirect(response);
  const hosts: string[] = [];
  for (let next = rest.next(); next; next = rest.next()) hosts.push(next.host);
  return hosts;
}

describe('a redirection', () => {
  it.each<[string, string[], string[]]>([
    [
      'to a target of the plan takes it first',
      ['<sip:+12025550122@d.example>'],
      ['d.example', 'b.example', 'c.example'],
    ],
    [
      'to several takes the most wanted first',
      ['<sip:+12025550122@c.example:5061;transport=tls>;q=0.3, <sip:+12025550122@D.example>;q=0.7'],
      ['d.example', 'c.example', 'b.example'],
    ],
    ['to another port is not followed', ['<sip:+12025550122@b.example>'], ['b.example', 'c.example', 'd.example']],
    ['to another number is not followed', ['<sip:+19005550100@d.example>'], ['b.example', 'c.example', 'd.example']],
    ['to a stranger is not followed', ['<sip:+12025550122@x.example>'], ['b.example', 'c.example', 'd.example']],
    ['to what was tried is not followed', ['<sip:+12025550122@a.example>'], ['b.example', 'c.example', 'd.example']],
    ['that cannot be read changes nothing', ['<sip:', '<tel:+1>'], ['b.example', 'c.example', 'd.example']],
  ])('%s', (_name, contacts, hosts) => {
    expect(afterRedirect(...contacts)).toEqual(hosts);
  });
});
