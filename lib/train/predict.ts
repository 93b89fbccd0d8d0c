/** Outputs of a network for inputs, in their order. */
import type { Storage } from '../backends/backend.js';
import { readInputs } from '../data/dataset.js';
import { checkInteger, checkOptions } from '../errors.js';
import type { Network } from './network.js';
import { predictionRequest } from './objective.js';
import { countUp } from './order.js';
import { type ProfileOption, profiled, readProfile } from './profile.js';
import { readReals, registerInputs } from './registered.js';

export interface PredictOptions {
  /** Rows a step: changes memory and speed, not the result. Default 256. */
  readonly batchSize?: number;
  /** Records what each kernel call takes, as for fit: a path for the trace, or a function that gets the profile. */
  readonly profile?: ProfileOption | undefined;
}

/** Outputs [rows, ...outputShape], row after row. */
export async function predict(
  network: Network,
  x: unknown,
  options: PredictOptions | undefined,
): Promise<Float32Array | Float64Array> {
  network.check();
  checkOptions('predict', options, ['batchSize', 'profile']);
  const batchSize = checkInteger('predict', 'batchSize', options?.batchSize ?? 256, 1, 2 ** 24);
  const option = readProfile('predict', options?.profile);
  const inputs = readInputs('predict', x, network.inputShape);
  const { backend, outputs } = network;
  const { rows, kind } = inputs;
  const batch = Math.min(batchSize, rows);
  const storages: Record<string, Storage> = { x: await registerInputs(backend, inputs) };
  try {
    storages.indices = backend.allocate('i32', rows, 'data');
    const y = backend.allocate('real', rows * outputs);
    storages.y = y;
    if (kind === 'u8') storages.indices.write(countUp(rows));
    return await profiled('predict', option, (profile) =>
      network.exclusive(async () => {
        const request = () => predictionRequest(network, kind, batch);
        const program = await network.program('prediction', kind, batch, request);
        const run = network.start(program, storages, { batch, rows, events: profile?.room }, () => rows);
        const done = await run.done;
        profile?.add(program.plan, run.events(), done);
        network.check();
        return readReals(y, rows * outputs, backend.precision);
      }),
    );
  } finally {
    for (const storage of Object.values(storages)) storage.dispose();
  }
}

/** The place of the largest output of each row (the first of equals); with one output: 1 from `threshold` on, else 0. */
export function classesOf(outputs: Float32Array | Float64Array, k: number, threshold: number): Int32Array {
  const classes = new Int32Array(outputs.length / k);
  for (let i = 0; i < classes.length; i++) {
    let best = 0;
    for (let j = 1; j < k; j++) if (outputs[i * k + j]! > outputs[i * k + best]!) best = j;
    classes[i] = k > 1 ? best : outputs[i]! >= threshold ? 1 : 0;
  }
  return classes;
}
