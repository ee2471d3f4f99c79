import type { SessionDescription } from './description.js';

/**
 * Finds addresses and host names of the other side in text that would otherwise pass, for topology hiding.
 * Any IP literal counts; a host name only where the description itself uses it in o= or c=.
 */
export class ForeignHosts {
  private readonly names = new Set<string>();

  constructor(description: SessionDescription) {
    this.names.add(description.origin.address.toLowerCase());
    for (const section of [description.session, ...description.media]) {
      for (const line of section.lines)
        if (line.type === 'c') this.names.add(line.value.split(' ').pop()!.toLowerCase());
    }
  }

  /** True where the text holds an IP literal or one of the host names. */
  areNamedIn(text: string): boolean {
    return IPV4.test(text) || IPV6.test(text) || this.hasName(text);
  }

  private hasName(text: string): boolean {
    for (const word of text.match(HOST_WORD) ?? []) {
      if (word.length >= MIN_NAME_LENGTH && this.names.has(word.toLowerCase())) return true;
    }
    return false;
  }
}

/** Shorter names would also match ordinary words; o= commonly holds none shorter. */
const MIN_NAME_LENGTH = 4;

const IPV4 = /(?<!\d)\d{1,3}(?:\.\d{1,3}){3}(?!\d)/;
/** A compressed address shows by its two colons, a full one by its eight groups; either may stand beside other colons. */
const IPV6 = /::|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}/;
const HOST_WORD = /[A-Za-z0-9._-]+/g;
