/** What the commands know of the machine, through the addon where there is one. */
import { availableParallelism } from 'node:os';
import { loadBinding } from '../binding.js';

/** Threads of the cpu device where nobody says: one for each physical core. */
export function defaultThreads(): number {
  return loadBinding().binding?.info().physicalCores ?? availableParallelism();
}
