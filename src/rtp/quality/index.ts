export * from './e-model.js';
export * from './e-model-estimate.js';
export * from './figures.js';
