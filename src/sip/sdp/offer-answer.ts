import { MediaSection, SessionDescription } from './description.js';

/** What an offer has in one of its places: enough to refuse it there. */
export type OfferedStream = Pick<MediaSection, 'kind' | 'protocol' | 'formats'>;

/** The places of an offer, in order. */
export const offeredStreams = (offer: SessionDescription): readonly OfferedStream[] =>
  offer.media.map(({ kind, protocol, formats }) => ({ kind, protocol, formats }));

/**
 * An answer with an m-line for each of the offer's, in its order (RFC 3264 §6). Peers in use leave out the streams that
 * they refuse: those get port 0 in their places, and what was not offered goes. An answer of the right length stays.
 */
export function answerInPlaces(offered: readonly OfferedStream[], answer: SessionDescription): SessionDescription {
  if (offered.length === answer.media.length) return answer;
  const left = [...answer.media];
  const media = offered.map(({ kind, protocol, formats }) => {
    const at = left.findIndex((section) => section.kind === kind);
    return at >= 0 ? left.splice(at, 1)[0]! : new MediaSection(kind, 0, protocol, [...formats], []);
  });
  return new SessionDescription(answer.session, media);
}
