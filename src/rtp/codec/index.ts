export * from './codecs.js';
export * from './g711.js';
