/** Weights of PyTorch's networks: with them the model gives PyTorch's outputs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeSafetensors, readSafetensors, type SafetensorsTensor } from '../../lib/formats/safetensors.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { flatten } from '../../lib/layers/flatten.js';
import { maxPool2d } from '../../lib/layers/max-pool2d.js';
import { type LoadWeightsOptions, loadWeights } from '../../lib/train/load-weights.js';
import { type Model, sequential } from '../../lib/train/model.js';
import { temporaryFolder } from '../helpers/temporary.js';

const folder = temporaryFolder('weights');

const golden: { file: string; x: number[]; y: number[] } = JSON.parse(
  readFileSync(join(__dirname, '../golden/pytorch-weights.json'), 'utf8'),
);
const file = Buffer.from(golden.file, 'base64');

const digits = (useBias = false): Model =>
  sequential({ inputShape: [8, 4, 2], device: 'reference', seed: 4 }, [
    ...[conv2d({ filters: 3, kernelSize: 3, padding: 1 }), batchNorm({ activation: 'relu' }), maxPool2d()],
    ...[conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 1, activation: 'tanh', useBias })],
    ...[flatten(), dropout({ rate: 0.5 }), batchNorm(), dense({ units: 5, activation: 'relu' }), dense({ units: 3 })],
  ]);
const names = {
  ...{ conv2d_1: 'conv1', batchNorm_1: 'bn1', conv2d_2: 'conv2' },
  ...{ batchNorm_2: 'bn2', dense_1: 'fc1', dense_2: 'fc2' },
};
const options = { layout: 'pytorch', names } as const;

/** The largest difference from PyTorch's outputs. */
async function error(model: Model): Promise<number> {
  const y = await model.predict(Float32Array.from(golden.x));
  return Math.max(...y.map((value, i) => Math.abs(value - golden.y[i]!)));
}

describe('weights of PyTorch', () => {
  test('give its outputs', async () => {
    const model = digits();
    expect(await error(model)).toBeGreaterThan(0.1);
    await loadWeights(model, file, options);
    expect(await error(model)).toBeLessThan(1e-6);
  });

  test('by single parameters too', async () => {
    const { dense_2, ...others } = names;
    const model = digits();
    const single = { 'dense_2.weights': 'fc2.weight', 'dense_2.bias': 'fc2.bias' };
    await loadWeights(model, file, { layout: 'pytorch', names: { ...others, ...single } });
    expect(await error(model)).toBeLessThan(1e-6);
  });

  test('in part, where that is asked for', async () => {
    const model = digits();
    const before = new Map(model.weights().map(({ name, values }) => [name, values]));
    const { dense_2, ...others } = names;
    await loadWeights(model, file, { layout: 'pytorch', names: others, partial: true });
    const after = new Map(model.weights().map(({ name, values }) => [name, values]));
    expect(after.get('dense_2.weights')).toEqual(before.get('dense_2.weights'));
    expect(after.get('dense_1.weights')).not.toEqual(before.get('dense_1.weights'));
  });
});

test('weights of this library come back as they are', async () => {
  const [first, second] = [digits(), digits()];
  await loadWeights(first, file, options);
  await first.save(join(folder, 'model.safetensors'));
  await loadWeights(second, join(folder, 'model.safetensors'));
  expect(second.weights()).toEqual(first.weights());
});

describe('what does not fit is refused, and nothing is set', () => {
  const refused = async (model: Model, bytes: Uint8Array, given: unknown) => {
    const before = model.weights();
    const error = await loadWeights(model, bytes, given as LoadWeightsOptions).catch((e) => e);
    expect(model.weights()).toEqual(before);
    return error;
  };
  async function changed(change: (tensors: Record<string, SafetensorsTensor>) => void): Promise<Uint8Array> {
    const tensors = { ...(await readSafetensors(file)).tensors };
    change(tensors);
    return encodeSafetensors(tensors);
  }

  test.each<[string, unknown, string]>([
    [
      'a layer without a name',
      { layout: 'pytorch', names: { ...names, dense_1: 'fc' } },
      `expected the tensor "fc.weight" for dense_1.weights (did you mean "fc1.weight"?)`,
    ],
    [
      'no names',
      { layout: 'pytorch' },
      'expected the tensor "conv2d_1.weight" for conv2d_1.weights (did you mean "conv1.weight"?)',
    ],
    [
      'an unknown layer',
      { ...options, names: { ...names, dense_9: 'fc9' } },
      "loadWeights: names: unknown option 'dense_9' (did you mean 'dense_1'?)",
    ],
    [
      'a name that is none',
      { ...options, names: { ...names, dense_1: 3 } },
      'expected a string for names.dense_1 but received 3',
    ],
    ['the other layout', { names, layout: 'steepest' }, 'expected the tensor "conv1.weights" for conv2d_1.weights'],
    ['an unknown layout', { names, layout: 'torch' }, "(did you mean 'pytorch'?)"],
  ])('%s', async (_, given, message) => {
    expect((await refused(digits(), file, given)).message).toContain(message);
  });

  test('a tensor of another shape or of whole numbers', async () => {
    const turned = await changed((tensors) => {
      tensors['fc1.weight'] = { ...tensors['fc1.weight']!, shape: [8, 5] };
    });
    expect(await refused(digits(), turned, options)).toMatchObject({
      code: 'ERR_FORMAT',
      message: `loadWeights: Buffer(${turned.length}): tensor "fc1.weight": expected floats [5, 8] for dense_1.weights but received F32 [8, 5]`,
    });
    const whole = await changed((tensors) => {
      tensors['fc2.bias'] = { dtype: 'I32', shape: [3], data: new Int32Array(3) };
    });
    expect((await refused(digits(), whole, options)).message).toContain('for dense_2.bias but received I32 [3]');
  });

  test('a bias that the layer does not have, and one that the file does not have', async () => {
    const more = await changed((tensors) => {
      tensors['conv2.bias'] = { dtype: 'F32', shape: [4], data: new Float32Array(4) };
    });
    expect((await refused(digits(), more, options)).message).toContain(
      'the layer conv2d_2 has nothing for the tensor "conv2.bias"',
    );
    expect((await refused(digits(true), file, options)).message).toContain(
      'expected the tensor "conv2.bias" for conv2d_2.bias',
    );
  });
});
