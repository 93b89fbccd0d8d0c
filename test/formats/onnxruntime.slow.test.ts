/**
 * What toOnnx writes, run by Microsoft's ONNX Runtime: the outputs are those of predict, for every layer and every named network. Needs the runtime in
 * build/onnxruntime (`npm run onnx:check` puts it there); without it these tests skip, and are counted.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { networkFrom, networkNames } from '../../lib/models/networks.js';
import { readSimplennConfig } from '../../lib/models/simplenn.js';
import { type Model, sequential } from '../../lib/train/model.js';
import { toOnnx } from '../../lib/train/onnx.js';
import { noise, onnxModels, randomized } from './onnx-networks.js';

/** As much of the runtime as is used here. */
interface Runtime {
  readonly Tensor: new (
    type: 'float32',
    data: Float32Array,
    shape: readonly number[],
  ) => { data: Float32Array; dims: number[] };
  readonly InferenceSession: { create(file: Uint8Array): Promise<Session> };
}
interface Session {
  readonly inputNames: string[];
  readonly outputNames: string[];
  run(inputs: Record<string, unknown>): Promise<Record<string, { data: Float32Array; dims: number[] }>>;
  release(): Promise<void>;
}

const runtime = join(__dirname, '../../build/onnxruntime/node_modules/onnxruntime-node');
const load = () => createRequire(__filename)(runtime) as Runtime;

/** The outputs of both for so many rows: the largest difference, in parts of the largest output (or of 1). */
async function compare(net: Model, rows: number) {
  const { InferenceSession, Tensor } = load();
  const x = noise(net, rows);
  const expected = (await net.predict(x)) as Float32Array;
  const session = await InferenceSession.create(await toOnnx(net));
  const input = new Tensor('float32', x, [rows, ...net.inputShape]);
  const { data, dims } = (await session.run({ [session.inputNames[0]!]: input }))[session.outputNames[0]!]!;
  await session.release();
  const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  const error = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - data[i]!)), 0) / scale;
  return { dims, length: data.length, error };
}

const config =
  `L = 3; LC = 2; LF = 1; wd_input = 12; ht_input = 12; ch_input = [1,4,6]; wd_pad_added = [1,0]; wd_filter = [3,3];
strides = [1,1]; wd_subimage_pool = [2,1]; full_neurons = [10];`.replaceAll('; ', ';\n');

describe.skipIf(!existsSync(runtime))('ONNX Runtime', () => {
  async function check(net: Model, rows: number): Promise<void> {
    const { dims, error } = await compare(net, rows);
    expect(dims).toEqual([rows, ...net.outputShape]);
    expect(error).toBeLessThan(1e-5);
    net.dispose();
  }

  test.each(onnxModels())('%s', async (_, net) => {
    await compare(net, 1);
    await check(net, 3);
  });

  test.each(networkNames)('the network %s', async (name) => {
    const { inputShape, layers } = networkFrom(name);
    await check(randomized(sequential({ inputShape, seed: 1 }, layers)), 2);
  });

  test('a network of SimpleNN', async () => {
    const { inputShape, layers } = await readSimplennConfig(Buffer.from(config));
    await check(randomized(sequential({ inputShape, seed: 1 }, layers)), 2);
  });
});
