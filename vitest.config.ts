import { defineConfig } from 'vitest/config';

/**
 * Two projects: `unit` (everything in virtual time or in process, in parallel) and `peers` (real programs, and streams
 * measured in real time, one file after the other, so that they do not disturb each other).
 */
const SERIAL = ['test/peers/**/*.test.ts', 'test/rtp/measured/**/*.test.ts'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: SERIAL,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'peers',
          include: SERIAL,
          globalSetup: ['test/support/built-gateway.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
