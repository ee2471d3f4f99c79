import type { Counters } from '../../../core/index.js';

/**
 * Known attack tools by what they call themselves in User-Agent. A tool may call itself anything, so this protects
 * nothing by itself; it tells the operator what is knocking, and gives a reason to drop without an answer, which scanners
 * take as "nothing here".
 */
const SIGNATURES: readonly (readonly [text: string, label: string])[] = [
  ['friendly-scanner', 'sipvicious'],
  ['friendly-request', 'sipvicious'],
  ['sipvicious', 'sipvicious'],
  ['sundayddr', 'sipvicious'],
  ['sipcli', 'sipcli'],
  ['vaxsipuseragent', 'vax'],
  ['vaxipuseragent', 'vax'],
  ['sip-scan', 'sip-scan'],
  ['sipscan', 'sip-scan'],
  ['pplsip', 'pplsip'],
  ['eyebeam release 3006o', 'fake-softphone'],
  ['sipptk', 'sipptk'],
  ['random-scanner', 'other'],
];

/** The tool that a User-Agent value names; undefined for any other. */
export function scannerOf(userAgent: string | undefined): string | undefined {
  if (!userAgent) return undefined;
  const value = userAgent.toLowerCase();
  return SIGNATURES.find(([text]) => value.includes(text))?.[1];
}

/** Counts a request of a scanner under `sip_scanners`; true when it is one. Call it after parsing, before answering. */
export function noteScanner(counters: Counters, userAgent: string | undefined): boolean {
  const tool = scannerOf(userAgent);
  if (tool === undefined) return false;
  counters.add('sip_scanners', tool);
  return true;
}
