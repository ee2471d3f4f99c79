import { describe, expect, it } from 'vitest';
import { Params, SipSyntaxError, Via } from '../../../src/sip/message/index.js';

describe('Via', () => {
  it('reads transport, sent-by and parameters', () => {
    const via = Via.parse('SIP/2.0/udp First.Example.COM:4000;ttl=16;maddr=224.2.0.1;branch=z9hG4bKa7c6a8dlze.1');
    expect(via).toMatchObject({ protocol: 'SIP/2.0', transport: 'UDP', host: 'first.example.com', port: 4000 });
    expect(via.branch).toBe('z9hG4bKa7c6a8dlze.1');
  });

  it('reads blanks where the grammar allows them', () => {
    const via = Via.parse('SIP / 2.0 / TCP   192.0.2.1 : 5070 ; branch = z9hG4bK1');
    expect(via).toMatchObject({ protocol: 'SIP/2.0', transport: 'TCP', host: '192.0.2.1', port: 5070 });
    expect(via.toString()).toBe('SIP/2.0/TCP 192.0.2.1:5070;branch=z9hG4bK1');
  });

  it.each([
    [';rport', true],
    [';rport=5061', 5061],
    [';rport=0', undefined],
    [';rport=70000', undefined],
    [';rport=x', undefined],
    ['', undefined],
  ])('reads rport in %j', (params, rport) => {
    expect(Via.parse(`SIP/2.0/UDP 192.0.2.1${params}`).rport).toBe(rport);
  });

  it('writes what a server adds (RFC 3581)', () => {
    const via = Via.parse('SIP/2.0/UDP [2001:db8::9]:5060;rport;branch=z9hG4bK1');
    via.params.set('rport', '40000');
    via.params.set('received', '2001:db8::1');
    expect(via.toString()).toBe('SIP/2.0/UDP [2001:db8::9]:5060;rport=40000;branch=z9hG4bK1;received=2001:db8::1');
  });

  it('is made from parts', () => {
    expect(new Via('TLS', 'example.com', 5061, Params.parse(';branch=z9hG4bKx')).toString()).toBe(
      'SIP/2.0/TLS example.com:5061;branch=z9hG4bKx',
    );
  });

  it.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/ 192.0.2.1',
    'SIP/2.0 192.0.2.1',
    'SIP/2.0/UDP192.0.2.1',
    'SIP/2.0/UDP 192.0.2.1;;,;,,',
    'SIP/2.0/UDP 192.0.2.1, SIP/2.0/UDP 192.0.2.2',
    'SIP/2.0/UDP 192.0.2.1 x',
    'SIP/2.0/UDP 2001:db8::1',
  ])('refuses %j', (text) => {
    expect(() => Via.parse(text)).toThrow(SipSyntaxError);
  });
});
