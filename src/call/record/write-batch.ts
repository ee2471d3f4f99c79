import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A file to be written whole: its final path and its text. */
export interface WholeFile {
  readonly path: string;
  readonly text: string;
}

/** What became of each file of a batch, in order: nothing, or why it is not there. */
export type BatchOutcome = readonly (string | undefined)[];

interface Open {
  readonly index: number;
  readonly file: WholeFile;
  readonly fd: number;
}

/** From so many files on, one sync of their file system costs less than one of each. */
export const SYNCED_TOGETHER = 32;

/**
 * Writes a batch of files, each whole or not at all: all temporary files first, then every fsync (of a large batch one
 * sync of the file system), then the renames, then an fsync of each directory they stand in.
 */
export function writeBatch(files: readonly WholeFile[]): BatchOutcome {
  const outcome: (string | undefined)[] = files.map(() => undefined);
  const attempt = <T>(index: number, run: () => T): T | undefined => {
    if (outcome[index] !== undefined) return undefined;
    try {
      return run();
    } catch (error) {
      outcome[index] = (error as Error).message;
      return undefined;
    }
  };
  const opened: Open[] = [];
  files.forEach((file, index) => {
    const fd = attempt(index, () => openTemporary(file.path));
    if (fd === undefined) return;
    opened.push({ index, file, fd });
    attempt(index, () => writeAll(fd, file.text));
  });
  const synced = files.length >= SYNCED_TOGETHER && syncFileSystem(dirname(files[0]!.path));
  if (!synced) for (const { index, fd } of opened) attempt(index, () => fsyncSync(fd));
  for (const { index, file, fd } of opened) {
    attempt(index, () => closeSync(fd));
    attempt(index, () => renameSync(temporary(file.path), file.path));
    if (outcome[index] !== undefined) dropTemporary(file.path);
  }
  syncDirectories(opened, outcome, attempt);
  return outcome;
}

/** syncfs(2) by way of sync(1), which Node has no call for; false where that cannot be had. */
const syncFileSystem = (directory: string): boolean =>
  spawnSync('sync', ['-f', directory], { stdio: 'ignore', timeout: SYNC_LIMIT_MS }).status === 0;

const SYNC_LIMIT_MS = 10_000;

const temporary = (path: string): string => `${path}.tmp`;

function openTemporary(path: string): number {
  try {
    return openSync(temporary(path), 'w', 0o640);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    mkdirSync(dirname(path), { recursive: true });
    return openSync(temporary(path), 'w', 0o640);
  }
}

function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
}

/** A temporary file that came to nothing; that it cannot be deleted changes nothing. */
function dropTemporary(path: string): void {
  try {
    unlinkSync(temporary(path));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

/** A rename is durable once its directory is: a failure there counts for every file in it. */
function syncDirectories(
  opened: readonly Open[],
  outcome: readonly (string | undefined)[],
  attempt: (index: number, run: () => void) => void,
): void {
  const synced = new Set<string>();
  for (const { index, file } of opened) {
    const directory = dirname(file.path);
    if (outcome[index] !== undefined || synced.has(directory)) continue;
    synced.add(directory);
    attempt(index, () => {
      const fd = openSync(directory, 'r');
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }
}
