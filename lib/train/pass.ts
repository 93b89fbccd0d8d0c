/** One pass over the data, an epoch: rows in memory in chunks of steps, or a stream's batches step by step. Both go on behind the steps already done. */
import type { Storage } from '../backends/backend.js';
import type { Examples } from '../data/dataset.js';
import type { Totals } from './evaluate.js';
import { Feed } from './feed.js';
import type { Network } from './network.js';
import type { FitSettings } from './options.js';
import { countUp, shuffledRows } from './order.js';
import type { Piece, Program } from './program.js';
import type { Registered } from './registered.js';
import type { Scope } from './scope.js';
import type { StepData, Steps } from './steps.js';

/** How long a chunk of steps should take. */
const CHUNK_MILLISECONDS = 60;
/** Stream of the random numbers that order the rows ("shuf"). */
const SHUFFLE_STREAM = 0x73687566;

/** The fit around a pass. */
export interface Around {
  readonly network: Network;
  readonly settings: FitSettings;
  readonly scope: Scope;
  readonly steps: Steps;
  /** Of the epoch so far. */
  readonly totals: Totals;
  /** The fit is to end. */
  readonly ending: boolean;
  /** Steps that the next chunk may have. */
  readonly most: number;
  /** Between two chunks: the run may rest, and be kept. */
  between(): Promise<void>;
  /** Runs a piece of the data and tells about it; resolves to the steps done. */
  chunk(program: Program, data: StepData, piece: Piece): Promise<number>;
}

/** The plan of data in memory. */
export function compileFor({ steps, settings }: Pick<Around, 'steps' | 'settings'>, source: Registered) {
  return steps.compile(source.kinds, Math.min(settings.batchSize, source.rows));
}

/** Steps of a pass over data in memory, their rows, and the rows of all. */
export function stepsIn({ batchSize, dropRemainder }: FitSettings, { rows: all }: Registered) {
  const batch = Math.min(batchSize, all);
  const rows = dropRemainder ? all - (all % batch) : all;
  return { batch, rows, steps: Math.ceil(rows / batch) };
}

/** A pass over rows in memory; `order` takes their numbers. Resolves to whether it did all steps. */
export async function memoryPass(around: Around, source: Registered, order: Storage): Promise<boolean> {
  const { network, settings, totals } = around;
  const { batch, rows, steps } = stepsIn(settings, source);
  const program = await compileFor(around, source);
  const { epochs } = network;
  order.write(
    settings.shuffle ? await shuffledRows(source.rows, settings.seed, SHUFFLE_STREAM, epochs) : countUp(source.rows),
  );
  const data = { ...source, storages: { ...source.storages, indices: order } };
  let chunk = 1;
  for (;;) {
    await around.between();
    if (totals.steps >= steps || around.ending) return totals.steps >= steps;
    const first = totals.steps * batch;
    const most = Math.min(chunk, around.most) * batch;
    const began = performance.now();
    const done = await around.chunk(program, data, { batch, first, rows: Math.min(most, rows - first) });
    const wanted = Math.round((CHUNK_MILLISECONDS * done) / Math.max(performance.now() - began, 0.01));
    chunk = Math.max(1, Math.min(wanted, 4 * chunk));
  }
}

/** A pass over a stream, one step a batch; those already done are fetched and left out. Resolves to whether it came to the end. */
export async function streamPass(around: Around, stream: AsyncGenerator<Examples>): Promise<boolean> {
  const { network, scope, steps, totals } = around;
  const feed = new Feed(network, scope, stream, totals.steps);
  try {
    for (;;) {
      await around.between();
      const batch = around.ending ? undefined : await feed.next();
      if (batch === undefined) return !around.ending;
      try {
        const program = await steps.compile(batch.kinds, batch.rows);
        const piece = { batch: batch.rows, rows: batch.rows };
        while (!around.ending && (await around.chunk(program, batch, piece)) === 0) await around.between();
      } finally {
        batch.dispose();
      }
    }
  } finally {
    feed.close();
  }
}
