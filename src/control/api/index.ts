export type { HealthView, Management, TestCallResult } from './management.js';
export { operationRoutes } from './operations.js';
export { resourceRoutes } from './resources.js';
export { ApiServer } from './server.js';
