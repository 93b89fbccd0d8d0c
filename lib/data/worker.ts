/** A thread that does jobs: the other side of threads.ts. */
import { parentPort } from 'node:worker_threads';
import { SteepestError } from '../errors.js';
import { type Job, runJob } from './jobs.js';

/** What comes back: the rows, or an error (`code`: of a SteepestError, whose class does not travel). */
export type Answer = { readonly id: number } & (
  | { readonly x: Awaited<ReturnType<typeof runJob>> }
  | { readonly error: unknown; readonly code?: SteepestError['code'] }
);

parentPort?.on('message', async ({ id, job }: { id: number; job: Job }) => {
  try {
    const x = await runJob(job);
    parentPort?.postMessage({ id, x } satisfies Answer, [x.buffer as ArrayBuffer]);
  } catch (error) {
    const answer: Answer =
      error instanceof SteepestError ? { id, error: error.message, code: error.code } : { id, error };
    parentPort?.postMessage(answer);
  }
});
