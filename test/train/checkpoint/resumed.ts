/** Fits that are interrupted and resumed, beside the same fit in one piece. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Data } from '../../../lib/data/dataset.js';
import { batchNorm } from '../../../lib/layers/batch-norm.js';
import { conv2d } from '../../../lib/layers/conv2d.js';
import { dense } from '../../../lib/layers/dense.js';
import { dropout } from '../../../lib/layers/dropout.js';
import { flatten } from '../../../lib/layers/flatten.js';
import { maxPool2d } from '../../../lib/layers/max-pool2d.js';
import type { OptimizerName } from '../../../lib/optimizers/optimizer.js';
import { optimizerFrom } from '../../../lib/optimizers/registry.js';
import { oneCycle } from '../../../lib/optimizers/schedules.js';
import { type Model, type SequentialOptions, sequential } from '../../../lib/train/model.js';
import type { FitOptions } from '../../../lib/train/options.js';
import type { BatchRecord, EpochRecord, History } from '../../../lib/train/records.js';
import { clusters } from '../tiny.js';

export const images = { x: clusters(46, 64).x, y: clusters(46, 4).y };

/** A network with all that has a state or draws random numbers. */
export function net(options: Partial<SequentialOptions> = {}): Model {
  return sequential({ inputShape: [8, 8, 1], seed: 5, device: 'reference', ...options }, [
    conv2d({ filters: 4, kernelSize: 3, padding: 1, useBias: false }),
    batchNorm({ activation: 'relu' }),
    maxPool2d(),
    flatten(),
    dropout({ rate: 0.3 }),
    dense({ units: 3 }),
  ]);
}

/** Options of a fit with an optimizer's state, a schedule, decay, clipping, a regulariser and a validation. 46 rows in batches of 8: 6 steps an epoch. */
export function everything(name: OptimizerName): () => FitOptions {
  return () => ({
    ...{ epochs: 3, batchSize: 8, C: 50, clipNorm: 0.7, validationData: images },
    optimizer: optimizerFrom(name, { learningRate: oneCycle(0.05, { steps: 18 }), weightDecay: 0.01 }),
  });
}

/** Of one whose updates take 4, then 2 batches. */
export const severalBatches = (): FitOptions => ({
  ...{ epochs: 2, batchSize: 8, accumulate: 4, optimizer: 'momentum', C: 10 },
});

/** A folder that goes with the test. */
export async function inFolder<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'checkpoint-'));
  try {
    return await work(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** What a fit came to, without its times. */
export function outcome(model: Model, { epochs, ...rest }: History) {
  const untimed = epochs.map(({ seconds: _, imagesPerSecond: __, ...record }: EpochRecord) => record);
  return { epochs: untimed, ...rest, weights: model.weights() };
}

/** In one piece, and (at the steps given, counted from the run's beginning) stopped and taken up by a model and options that are made anew. */
export async function bothWays(
  make: () => Model,
  options: () => FitOptions,
  stops: readonly number[],
  data: () => Data = () => images,
) {
  const one = make();
  const wanted = outcome(one, await one.fit(data(), options()));
  return inFolder(async (dir) => {
    for (const stop of stops) {
      const model = make();
      let steps = 0;
      const onBatchEnd = (_: BatchRecord) => ++steps === stop && run.stop();
      const run = model.fit(data(), { ...options(), checkpoint: dir, resume: true, onBatchEnd });
      const { stopped } = await run;
      if (!stopped) throw new Error(`the fit ended before it was stopped at step ${stop}`);
      model.dispose();
    }
    const last = make();
    const resumed = outcome(last, await last.fit(data(), { ...options(), checkpoint: dir, resume: true }));
    return { wanted, resumed };
  });
}
