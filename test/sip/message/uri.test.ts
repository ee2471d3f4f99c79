import { describe, expect, it } from 'vitest';
import { SipSyntaxError, SipUri, UriParams, unescapeUri } from '../../../src/sip/message/index.js';

describe('SipUri', () => {
  it('reads every part of a SIP URI', () => {
    const uri = SipUri.parse('sips:alice:secret@Atlanta.Example.COM:5061;transport=tcp;lr?Subject=hi&X=1');
    expect(uri).toMatchObject({
      scheme: 'sips',
      user: 'alice',
      password: 'secret',
      host: 'atlanta.example.com',
      port: 5061,
    });
    expect([...uri.params.entries()]).toEqual([
      ['transport', 'tcp'],
      ['lr', ''],
    ]);
    expect(uri.headers).toBe('Subject=hi&X=1');
    expect(uri.isSip).toBe(true);
  });

  it.each([
    'sip:alice@example.com',
    'sip:example.com',
    'sip:+1-212-555-1212:1234@gateway.com;user=phone',
    'sips:1212@gateway.com',
    'sip:[2001:db8::10]:5070;transport=tls',
    'sip:alice;day=tuesday@atlanta.com',
    'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
    'sip:a@example.com;maddr=239.255.255.1;ttl=15',
    'tel:+1-201-555-0123;phone-context=example.com',
    'urn:service:sos',
    'http://www.example.com/a?b=c',
  ])('writes %s as it came', (text) => {
    expect(SipUri.parse(text).toString()).toBe(text);
  });

  it('reads a tel URI as number and parameters', () => {
    const uri = SipUri.parse('TEL:+358-555-1234567;postd=pp22;isub=1');
    expect(uri).toMatchObject({ scheme: 'tel', user: '+358-555-1234567', host: '', isSip: false });
    expect(uri.opaque).toBe('+358-555-1234567;postd=pp22;isub=1');
    expect(uri.params.get('isub')).toBe('1');
  });

  it('takes changes into what it writes', () => {
    const uri = SipUri.parse('sip:alice@example.com:5060;lr');
    uri.host = '2001:db8::1';
    uri.port = undefined;
    uri.params.set('transport', 'udp');
    uri.params.delete('lr');
    expect(uri.toString()).toBe('sip:alice@[2001:db8::1];transport=udp');
  });

  it.each([
    ['', 'no scheme'],
    ['alice@example.com', 'no scheme'],
    [':x', 'no scheme'],
    ['sip:', 'empty'],
    ['sip:@example.com', 'empty user'],
    ['sip:a b@example.com', 'stray'],
    ['sip:a@b@example.com', 'stray'],
    ['sip:a@example.com:', 'port'],
    ['sip:a@example.com:0', 'port'],
    ['sip:a@example.com:65536', 'port'],
    ['sip:a@example.com:99999999999', 'port'],
    ['sip:2001:db8::10', 'port'],
    ['sip:a@[2001:db8::10', 'bracket'],
    ['sip:a@[not-an-address]', 'IPv6'],
    ['sip:a@[fe80::1%eth0]', 'IPv6'],
    ['sip:a@example.com;', 'empty parameter'],
    ['sip:a@example.com;a=1;A=2', 'repeated'],
    ['sip:a@example.com;x="', 'stray'],
    ['sip:a@example.com; lr', 'stray'],
    ['<sip:a@example.com>', 'no scheme'],
    ['tel:', 'empty'],
  ])('refuses %j', (text, why) => {
    expect(() => SipUri.parse(text)).toThrow(SipSyntaxError);
    expect(() => SipUri.parse(text)).toThrow(why);
  });

  it('bounds the number of parameters', () => {
    const many = Array.from({ length: 65 }, (_, at) => `;p${at}`).join('');
    expect(() => SipUri.parse(`sip:example.com${many}`)).toThrow('too many');
  });
});

describe('equivalence of URIs (RFC 3261 §19.1.4)', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    [
      'sip:alice@atlanta.com?subject=project%20x&priority=urgent',
      'sip:alice@atlanta.com?priority=urgent&subject=project%20x',
    ],
  ])('%s equals %s', (a, b) => {
    expect(SipUri.parse(a).equals(SipUri.parse(b))).toBe(true);
    expect(SipUri.parse(b).equals(SipUri.parse(a))).toBe(true);
  });

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a%3Bb@example.com', 'sip:a;b@example.com'],
    ['sip:a@example.com', 'sips:a@example.com'],
    ['tel:+12065550100', 'tel:+12065550101'],
  ])('%s differs from %s', (a, b) => {
    expect(SipUri.parse(a).equals(SipUri.parse(b))).toBe(false);
    expect(SipUri.parse(b).equals(SipUri.parse(a))).toBe(false);
  });
});

describe('unescapeUri and UriParams', () => {
  it('resolves escapes once and leaves malformed ones', () => {
    expect(unescapeUri('%41%2541%4')).toBe('A%41%4');
  });

  it('finds parameters by their unescaped name and writes them as they came', () => {
    const params = UriParams.parse(';%6C%72;n%61me=v%61lue');
    expect(params.has('LR')).toBe(true);
    expect(params.get('name')).toBe('value');
    expect([...params.entries()]).toEqual([
      ['lr', ''],
      ['name', 'value'],
    ]);
    expect(params.toString()).toBe(';%6C%72;n%61me=v%61lue');
    expect(() => UriParams.parse(';lr;%6Cr')).toThrow('repeated');
  });
});
