/** Digest authentication, both roles (RFC 3261 §22, RFC 7616, RFC 8760). */
export { type AuthParams, parseAuthParams } from './auth-params.js';
export { type BanOptions, Bans, DEFAULT_BANS } from './bans.js';
export {
  type Algorithm,
  computeHa1,
  computeResponse,
  computeUserHash,
  type DigestFacts,
  HASHES,
  type HashName,
  parseAlgorithm,
} from './digest.js';
export { type ChallengeTally, DigestClient } from './digest-client.js';
export {
  type DigestOutcome,
  DigestVerifier,
  type StoredDigests,
  storedDigests,
  type VerifierParts,
  type VerifyOrder,
} from './digest-verifier.js';
export { DEFAULT_NONCES, type NonceOptions, Nonces, type NonceVerdict } from './nonces.js';
