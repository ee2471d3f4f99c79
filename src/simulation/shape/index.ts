export * from './call-shape.js';
export { Dice } from './dice.js';
export { drawShape } from './draw-shape.js';
