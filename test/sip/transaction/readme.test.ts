import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  drawTable,
  inviteClientTable,
  inviteServerTable,
  nonInviteClientTable,
  nonInviteServerTable,
} from '../../../src/sip/transaction/index.js';

const readme = readFileSync(new URL('../../../src/sip/transaction/README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it.each([
    ['INVITE client', drawTable(inviteClientTable)],
    ['non-INVITE client', drawTable(nonInviteClientTable)],
    ['INVITE server', drawTable(inviteServerTable)],
    ['non-INVITE server', drawTable(nonInviteServerTable)],
  ])('shows the %s table as it is', (_name, drawn) => {
    expect(readme).toContain(drawn);
  });
});
