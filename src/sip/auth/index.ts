export { type AuthParams, parseAuthParams } from './auth-params.js';
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
