import { describe, expect, it } from 'vitest';
import { answerInPlaces, offeredStreams } from '../../../src/sip/sdp/index.js';
import { parsed, withSession } from './support.js';

const placed = (offer: string[], answer: string[]) =>
  answerInPlaces(offeredStreams(parsed(withSession(...offer))), parsed(withSession(...answer))).media.map(
    ({ kind, port, protocol, formats }) => `${kind} ${port} ${protocol} ${formats.join(' ')}`,
  );

describe('an answer in the places of its offer (RFC 3264 §6)', () => {
  it.each([
    ['of the right length stays', ['m=audio 1 RTP/AVP 0'], ['m=audio 2 RTP/AVP 8'], ['audio 2 RTP/AVP 8']],
    [
      'of the right length stays, though it changes the kind',
      ['m=audio 1 RTP/AVP 0'],
      ['m=image 2 udptl t38'],
      ['image 2 udptl t38'],
    ],
    [
      'without the second stream refuses it',
      ['m=audio 1 RTP/AVP 0', 'm=video 3 RTP/AVP 31 34'],
      ['m=audio 2 RTP/AVP 0'],
      ['audio 2 RTP/AVP 0', 'video 0 RTP/AVP 31 34'],
    ],
    [
      'without the first stream refuses it',
      ['m=video 3 RTP/AVP 31', 'm=audio 1 RTP/AVP 0'],
      ['m=audio 2 RTP/AVP 0'],
      ['video 0 RTP/AVP 31', 'audio 2 RTP/AVP 0'],
    ],
    [
      'with a stream that nobody offered is without it',
      ['m=audio 1 RTP/AVP 0'],
      ['m=audio 2 RTP/AVP 0', 'm=video 4 RTP/AVP 31'],
      ['audio 2 RTP/AVP 0'],
    ],
    ['without any stream refuses all', ['m=audio 1 RTP/AVP 0'], [], ['audio 0 RTP/AVP 0']],
  ])('%s', (_, offer, answer, expected) => {
    expect(placed(offer, answer)).toEqual(expected);
  });
});
