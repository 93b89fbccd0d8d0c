/** What the commands know of the machine, through the addon where there is one. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { loadBinding } from '../binding.js';

/** Threads of the cpu device where nobody says: one for each physical core. */
export function defaultThreads(): number {
  return loadBinding().binding?.info().physicalCores ?? availableParallelism();
}

/** The version in package.json. */
export function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(join(__dirname, '../../package.json'), 'utf8')) as { version: string };
  return version;
}
