/**
 * The shape of a logger: pino's. Messages are constant text; what varies goes into fields, and text from the wire
 * only under `wire`, so that one rule escapes it everywhere.
 */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A logger that adds `fields` to each line. */
  child(fields: object): Logger;
}

/** A child that is made when its first line is written: most calls never write one. */
export function lazyChild(parent: Logger, fields: object): Logger {
  let made: Logger | undefined;
  const child = (): Logger => (made ??= parent.child(fields));
  return {
    debug: (line, message) => child().debug(line, message),
    info: (line, message) => child().info(line, message),
    warn: (line, message) => child().warn(line, message),
    error: (line, message) => child().error(line, message),
    child: (more) => child().child(more),
  };
}

/** Discards everything. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};
