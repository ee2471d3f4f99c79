import { describe, expect, it } from 'vitest';
import { audioSection, createDescription, dtlsFacts, formatsOf, iceFacts } from '../../../src/sip/sdp/index.js';
import { linesOf, parsed, withSession } from './support.js';

const order = { address: '2001:db8::7', sessionId: '9', version: 1, username: '-' };
const formats = formatsOf(
  parsed(withSession('m=audio 1 RTP/AVP 0 111 96', 'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 useinbandfec=1')).media[0]!,
);

describe('descriptions of our own making', () => {
  it('have the lines of the order, and parse back to the same formats', () => {
    const section = audioSection({
      port: 4000,
      rtcpPort: 4000,
      formats,
      ptimeMs: 20,
      label: '1',
      direction: 'sendonly',
      crypto: ['1 A inline:x'],
      attributes: ['rtcp-mux'],
    });
    const description = createDescription(order, [section]);
    expect(linesOf(description)).toEqual([
      ...[
        'v=0',
        'o=- 9 1 IN IP6 2001:db8::7',
        's=-',
        'c=IN IP6 2001:db8::7',
        't=0 0',
        'm=audio 4000 RTP/SAVP 0 111 96',
      ],
      ...[
        'a=rtpmap:0 PCMU/8000',
        'a=rtpmap:111 opus/48000/2',
        'a=fmtp:111 useinbandfec=1',
        'a=ptime:20',
        'a=rtcp:4000',
      ],
      ...['a=label:1', 'a=crypto:1 A inline:x', 'a=sendonly', 'a=rtcp-mux'],
    ]);
    expect(formatsOf(parsed(`${linesOf(description).join('\r\n')}\r\n`).media[0]!)).toEqual(formats);
  });

  it('say no more than they were ordered to', () => {
    expect(
      linesOf(createDescription(order, [audioSection({ port: 0, rtcpPort: 1, formats: formats.slice(2) })])).slice(5),
    ).toEqual([...['m=audio 0 RTP/AVP 96', 'a=sendrecv']]);
  });
});

describe('transport facts of a browser', () => {
  const media = ['m=audio 9 UDP/TLS/RTP/SAVPF 0', 'a=candidate:1 1 udp 1 192.0.2.1 9 typ host', 'a=end-of-candidates'];

  it('are read from the section, else from the session', () => {
    const description = parsed(
      withSession(
        'a=ice-ufrag:u',
        'a=ice-pwd:p',
        'a=ice-lite',
        'a=fingerprint:SHA-256 aa:bb',
        'a=setup:actpass',
        ...media,
        'a=ice-ufrag:v',
      ),
    );
    expect(iceFacts(description, description.media[0]!)).toEqual({
      ...{
        ufrag: 'v',
        password: 'p',
        lite: true,
        endOfCandidates: true,
        candidates: ['1 1 udp 1 192.0.2.1 9 typ host'],
      },
    });
    expect(dtlsFacts(description, description.media[0]!)).toEqual({
      fingerprints: [{ hash: 'sha-256', value: 'AA:BB' }],
      setup: 'actpass',
    });
  });

  it('are absent where a part is missing or cannot be read', () => {
    const description = parsed(withSession('a=ice-ufrag:u', 'a=fingerprint:sha-256 xx', ...media));
    expect(iceFacts(description, description.media[0]!)).toBeUndefined();
    expect(dtlsFacts(description, description.media[0]!)).toBeUndefined();
    const odd = parsed(withSession('a=setup:sideways', ...media, 'a=fingerprint:sha-1 0A:1b'));
    expect(dtlsFacts(odd, odd.media[0]!)).toEqual({
      fingerprints: [{ hash: 'sha-1', value: '0A:1B' }],
      setup: undefined,
    });
  });
});
