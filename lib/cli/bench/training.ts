/** A training step and a batch of inference, as a user runs them: through fit and predict, on data in memory. */

import { type NetworkName, networkFrom } from '../../models/networks.js';
import { planCosts, stepTotals } from '../../plan/describe.js';
import type { Profile } from '../../plan/profile.js';
import { RandomStream } from '../../random.js';
import { type Model, sequential } from '../../train/model.js';
import { writing } from '../../train/profile.js';
import type { DeviceOption, PrecisionOption } from '../arguments.js';
import type { Ceiling } from './ceiling.js';
import { type Timing, timingOf } from './measure.js';

export interface TrainingResult extends Timing {
  readonly bench: 'train' | 'infer';
  readonly model: string;
  readonly device: string;
  readonly threads: number;
  readonly batch: number;
  readonly imagesPerSecond: number;
  readonly gflops: number;
  /** Part of the measured ceiling of multiply-adds; null where there is none. */
  readonly shareOfPeak: number | null;
  /** The profile's table, where one was asked for. */
  readonly table?: string;
}

export interface TrainingBench {
  readonly mode: 'train' | 'infer';
  readonly model: NetworkName;
  readonly batch: number;
  readonly device: DeviceOption;
  readonly threads: number;
  readonly precision?: PrecisionOption;
  readonly ceiling: Ceiling | undefined;
  /** Time for samples, after warm-up. Default 2. */
  readonly seconds?: number;
  /** Where the trace of a sample goes, in training; that sample is not timed. */
  readonly profile?: string;
}

/** A sample spans at least so many seconds, or one step. */
const SAMPLE_SECONDS = 0.1;
const LEAST_SAMPLES = { native: 5, reference: 3 } as const;
const MOST_STEPS = 200;

/** Operations of a step (forward, backward, update), or of predicting a batch. */
export function stepFlops(model: Model, mode: 'train' | 'infer', batch: number): number {
  const { plan } = model.plan({ batchSize: batch, training: mode === 'train', optimizer: 'momentum', pixels: true });
  return stepTotals(planCosts(plan, batch)).flops;
}

/** Operations the reference is given in one step: a second or two. */
const REFERENCE_STEP = 1e9;

/** Images in a step that the reference does in a second or two. */
export function referenceBatch(name: NetworkName, mode: 'train' | 'infer'): number {
  const { inputShape, layers } = networkFrom(name);
  const model = sequential({ inputShape, device: 'reference' }, layers);
  try {
    const perImage = stepFlops(model, mode, 17) - stepFlops(model, mode, 16);
    return Math.max(1, Math.floor(REFERENCE_STEP / perImage));
  } finally {
    model.dispose();
  }
}

/** Times a network's step on random images. */
export async function benchTraining(options: TrainingBench): Promise<TrainingResult> {
  const { mode, model: name, batch, device, threads, precision, ceiling, seconds = 2, profile: file } = options;
  const { inputShape, layers } = networkFrom(name);
  const model = sequential({ inputShape, seed: 1, device, threads, precision }, layers);
  try {
    const sample = mode === 'train' ? trainSample : inferSample;
    const flops = stepFlops(model, mode, batch);
    // Warm-up; the second call of it tells how many steps make a sample.
    const one = randomImages(inputShape, batch);
    await sample(model, one);
    const seconds1 = (await sample(model, one)) / 1e3;
    const steps = Math.max(1, Math.min(MOST_STEPS, Math.ceil(SAMPLE_SECONDS / seconds1)));
    const data = randomImages(inputShape, batch * steps);
    if (steps > 1) await sample(model, data);
    const table = file === undefined ? undefined : await profileTable(model, data, file);
    const times: number[] = [];
    const end = performance.now() + seconds * 1e3;
    const least = LEAST_SAMPLES[model.device.name === 'reference' ? 'reference' : 'native'];
    while (times.length < least || performance.now() < end) times.push((await sample(model, data)) / steps);
    const timing = timingOf(times);
    const gflops = flops / timing.medianMs / 1e6;
    return {
      bench: mode,
      model: name,
      device: model.device.name,
      threads,
      batch,
      ...timing,
      imagesPerSecond: (batch / timing.medianMs) * 1e3,
      gflops,
      shareOfPeak: ceiling === undefined ? null : gflops / ceiling.gflops,
      ...(table !== undefined && { table }),
    };
  } finally {
    model.dispose();
  }

  function trainEpoch(model: Model, { x, y }: RandomImages, profile?: string) {
    return model.fit({ x, y }, { batchSize: batch, optimizer: 'momentum', shuffle: false, metrics: ['loss'], profile });
  }

  /** Milliseconds of one epoch, as the run itself counts them: the data is in the engine's memory then. */
  async function trainSample(model: Model, images: RandomImages): Promise<number> {
    return (await trainEpoch(model, images)).epochs[0]!.seconds * 1e3;
  }

  /** Writes the profile of a sample to a file; its table. */
  async function profileTable(model: Model, images: RandomImages, file: string): Promise<string> {
    if (mode === 'train') return String((await trainEpoch(model, images, file)).profile);
    let table = '';
    const profile = async (profile: Profile) => {
      table = String(profile);
      await writing('bench', file, profile, async () => {});
    };
    await model.predict(images.x, { batchSize: batch, profile });
    return table;
  }

  /** Milliseconds of predicting all images, from the call to the result. */
  async function inferSample(model: Model, { x }: RandomImages): Promise<number> {
    const began = performance.now();
    await model.predict(x, { batchSize: batch });
    return performance.now() - began;
  }
}

interface RandomImages {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
}

function randomImages(shape: readonly number[], count: number): RandomImages {
  const random = new RandomStream(1, 0);
  const x = new Uint8Array(count * shape.reduce((a, b) => a * b));
  for (let i = 0; i < x.length; i++) x[i] = random.word() & 255;
  return { x, y: Uint8Array.from({ length: count }, () => random.below(10)) };
}
