import { describe, expect, it } from 'vitest';
import { loadNative } from '../../../src/rtp/native/index.js';
import { DROP_REASONS, FIELD, LEG_WORDS, PAYLOAD_TYPE_SLOTS } from '../../../src/rtp/relay/layout.js';

const native = loadNative();

describe.skipIf(!native)('layout of a record in the compiled path', () => {
  it('is that of layout.ts, word for word', () => {
    const { legWords, payloadTypeSlots, fields, drops } = native!.layout();
    expect(fields).toEqual({ ...FIELD });
    expect(drops).toEqual([...DROP_REASONS]);
    expect({ legWords, payloadTypeSlots }).toEqual({ legWords: LEG_WORDS, payloadTypeSlots: PAYLOAD_TYPE_SLOTS });
  });
});
