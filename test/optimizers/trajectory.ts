/** Twenty updates of a small network by each optimizer, and where PyTorch or the textbook's formula come to (test/golden/optimizers.py). */
import { expect } from 'vitest';
import { dense } from '../../lib/layers/dense.js';
import type { OptimizerName } from '../../lib/optimizers/optimizer.js';
import { optimizerFrom } from '../../lib/optimizers/registry.js';
import { type Model, type SequentialOptions, sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import golden from '../golden/optimizers.json';

export interface Trajectory {
  /** Before each update, without the regulariser. */
  readonly losses: readonly number[];
  /** All parameters after the last update. */
  readonly theta: readonly number[];
}

export interface Case extends Trajectory, Pick<FitOptions, 'C' | 'clipNorm'> {
  readonly name: string;
  readonly optimizer: OptimizerName;
  readonly options: Readonly<Record<string, unknown>>;
  /** Whose numbers they are. */
  readonly from: 'PyTorch' | 'formula';
}

const { problem } = golden;
export const cases = golden.cases as unknown as readonly Case[];
export const named = (name: string): Case => cases.find((c) => c.name === name)!;
/** What PyTorch's own momentum does where the rate changes. */
export const others: Readonly<Record<string, Trajectory>> = golden.others;

function network(options: Partial<SequentialOptions>): Model {
  const model = sequential({ inputShape: [2], ...options }, [
    dense({ units: 4, activation: 'tanh' }),
    dense({ units: 3 }),
  ]);
  model.setWeights(problem.weights.map(({ name, values }) => ({ name, values: Float64Array.from(values) })));
  return model;
}

/** An epoch of twenty batches, each of all rows. */
const repeated = <T>(rows: readonly T[]) => Array.from({ length: 20 }, () => rows).flat();
const twenty = { x: repeated(problem.x), y: repeated(problem.y) };

/** The same by `fit`. */
export async function trajectory(
  options: Partial<SequentialOptions>,
  { optimizer, options: numbers, C, clipNorm }: Omit<Case, keyof Trajectory | 'name' | 'from'>,
): Promise<Trajectory> {
  const model = network(options);
  const losses: number[] = [];
  const run = model.fit(twenty, {
    ...{ batchSize: problem.y.length, every: 'batch', shuffle: false, metrics: ['loss'] },
    ...{ optimizer: optimizerFrom(optimizer, numbers), C, clipNorm },
  });
  for await (const record of run) if (record.kind === 'batch') losses.push(record.loss);
  const theta = model.weights().flatMap(({ values }) => Array.from(values));
  model.dispose();
  return { losses, theta };
}

/** The largest difference between two trajectories. */
export function difference(a: Trajectory, b: Trajectory): number {
  const [one, other] = [a, b].map(({ losses, theta }) => [...losses, ...theta]);
  expect(one).toHaveLength(other!.length);
  return Math.max(...one!.map((value, i) => Math.abs(value - other![i]!)));
}
