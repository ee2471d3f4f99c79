import { type Check, type Judgement, pass, refuse } from '../judgement.js';
import { printable, readNumber } from '../numbers/index.js';

/**
 * The called number of a carrier's call: E.164, or in the carrier's own format; digits that are an assigned number but
 * for the + are that number. A carrier that we registered with calls our contact (RFC 3261 §16.5), and says in To who was
 * called.
 */
export const inboundNumberCheck: Check = {
  name: 'inbound.number',
  run(judgement) {
    const user = calledUser(judgement);
    const number = inboundNumber(user, judgement);
    const input = { user: user === number ? number : printable(user), number: number ?? null };
    judgement.calling = callerOf(judgement);
    if (number === undefined)
      return refuse('inbound.number-invalid', 404, 'Called number is not a telephone number', input);
    judgement.called = number;
    return pass('The called number is read.', input);
  },
};

function calledUser({ facts, carrier }: Judgement): string {
  const { user } = facts.requestUri;
  const isContact = user !== '' && user === carrier!.resource.credentials?.username;
  return isContact && readNumber(user).kind !== 'e164' ? (facts.toUser ?? user) : user;
}

function inboundNumber(user: string, judgement: Judgement): string | undefined {
  const plain = readNumber(user);
  if (plain.kind === 'e164') return plain.number;
  if (plain.kind === 'invalid') return undefined;
  const withPlus = `+${plain.digits}`;
  if (judgement.snapshot.numbers.has(withPlus) || formatOf(judgement).kind === 'e164-without-plus') {
    return readNumber(withPlus).kind === 'e164' ? withPlus : undefined;
  }
  const national = readNumber(user, nationalCountry(judgement));
  return national.kind === 'e164' ? national.number : undefined;
}

/** The caller as E.164 where he can be read, else as he came: a carrier may send `anonymous`. */
function callerOf(judgement: Judgement): string {
  const { facts } = judgement;
  for (const user of [facts.assertedUser, facts.fromUser]) {
    const number = user === undefined ? undefined : inboundCaller(user, judgement);
    if (number !== undefined) return number;
  }
  return printable(facts.fromUser);
}

function inboundCaller(user: string, judgement: Judgement): string | undefined {
  const plain = readNumber(user);
  if (plain.kind === 'e164') return plain.number;
  if (plain.kind === 'invalid') return undefined;
  if (formatOf(judgement).kind === 'e164-without-plus') {
    const withPlus = readNumber(`+${plain.digits}`);
    return withPlus.kind === 'e164' ? withPlus.number : undefined;
  }
  const national = readNumber(user, nationalCountry(judgement));
  return national.kind === 'e164' ? national.number : undefined;
}

const formatOf = (judgement: Judgement) => judgement.carrier!.resource.numberFormat;

function nationalCountry(judgement: Judgement): string | undefined {
  const format = formatOf(judgement);
  return format.kind === 'national' ? format.country : judgement.snapshot.defaultCountry;
}
