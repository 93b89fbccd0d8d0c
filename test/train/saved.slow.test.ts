/** Models as JSON and as files: what comes back predicts the same bits and trains on in the same way; files that lie are refused by name. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { decodeSafetensors, encodeSafetensors, type SafetensorsTensor } from '../../lib/formats/safetensors.js';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { dense } from '../../lib/layers/dense.js';
import { flatten } from '../../lib/layers/flatten.js';
import { connect } from '../../lib/layers/graph.js';
import { layerKinds } from '../../lib/layers/registry.js';
import { hinge } from '../../lib/losses/hinge.js';
import { RandomStream } from '../../lib/random.js';
import { loadModel, Model, model, sequential } from '../../lib/train/model.js';
import { temporaryFolder } from '../helpers/temporary.js';
import { exampleGraph } from '../layers/examples.js';
import { clusters, convnet, hasCpu, mlp } from './tiny.js';

const folder = temporaryFolder('saved');
const path = join(folder, 'model.safetensors');

const noise = (count: number, seed = 5) => {
  const random = new RandomStream(seed, 0);
  return Float32Array.from({ length: count }, () => random.normal());
};

describe('every layer', () => {
  test.each(layerKinds)('%s: predicts the same bits and trains in the same way', async (kind) => {
    const { inputs, outputs } = exampleGraph(kind);
    const flat = kind === 'dense' || kind === 'flatten' || kind === 'globalAveragePool2d';
    const whole = connect(outputs, ...(flat ? [] : [flatten()]), batchNorm(), dense({ units: 3 }));
    const first = model({ inputs, outputs: whole, device: 'reference', seed: 2 ** 53 - 1, name: 'a "name"' });
    const values = first.inputShape.reduce((product, size) => product * size, 1);
    const [x, y] = [noise(8 * values), Int32Array.from({ length: 8 }, (_, i) => i % 3)];
    const train = (net: Model) => net.fit({ x, y }, { epochs: 1, batchSize: 4, optimizer: 'momentum' });
    await train(first); // moves running statistics too
    await first.save(path);
    const again = await loadModel(path, { device: 'reference' });
    expect(again.weights()).toEqual(first.weights());
    expect(await again.predict(x)).toEqual(await first.predict(x));
    expect([again.name, again.seed, again.inputShape]).toEqual(['a "name"', 2 ** 53 - 1, first.inputShape]);
    expect(again.toJSON()).toEqual(first.toJSON());
    const twin = Model.fromJSON(JSON.parse(JSON.stringify(first)), { device: 'reference' });
    twin.setWeights(first.weights());
    await Promise.all([train(again), train(twin)]);
    expect(again.weights()).toEqual(twin.weights());
    expect(again.weights()).not.toEqual(first.weights());
  });
});

test.skipIf(!hasCpu())('on the cpu too', async () => {
  const first = convnet({ device: 'cpu' });
  await first.save(path);
  const x = noise(10 * 64);
  expect(await (await loadModel(path, { device: 'cpu' })).predict(x)).toEqual(await first.predict(x));
});

test('a model of JSON begins as the first one did', () => {
  const first = convnet({ seed: 7 });
  const twin = Model.fromJSON(first.toJSON(), { device: 'reference' });
  expect(twin.weights()).toEqual(first.weights());
});

test('float64 stays float64, wherever it can', async () => {
  const first = mlp({ precision: 'float64' });
  const x = Float64Array.from(noise(8));
  await first.save(pathToFileURL(path));
  const again = await loadModel(pathToFileURL(path));
  expect(await again.predict(x)).toBeInstanceOf(Float64Array);
  expect(await again.predict(x)).toEqual(await first.predict(x));
  expect(await (await Model.load(path, { precision: 'fp32' })).predict(x)).toBeInstanceOf(Float32Array);
});

test('the loss is kept: classes of one output are those of before', async () => {
  const first = sequential({ inputShape: [1], device: 'reference' }, [dense({ units: 1 })]);
  await first.fit({ x: [[1], [-1]], y: [1, 0] }, { epochs: 1, loss: hinge({ squared: true }), optimizer: 'sgd' });
  first.setWeights([
    { name: 'dense_1.weights', values: Float32Array.of(0.25) },
    { name: 'dense_1.bias', values: Float32Array.of(0) },
  ]);
  await first.save(path);
  const again = await loadModel(path, { device: 'reference' });
  expect(again.toJSON().loss).toEqual({ name: 'hinge', options: { squared: true } });
  expect([...(await again.predictClasses([[1], [-1]]))]).toEqual([1, 0]);
  expect(await again.evaluate({ x: [[1]], y: [1] })).toEqual(await first.evaluate({ x: [[1]], y: [1] }));
});

test('saves during a fit, whole or not at all', async () => {
  const net = mlp();
  const seen: unknown[] = [];
  await net.fit(clusters(32), {
    epochs: 2,
    onEpochEnd: async ({ epoch }) => {
      await net.save(path);
      seen.push([epoch, (await loadModel(path)).weights()[0]?.values[0]]);
    },
  });
  expect(new Set(seen.map((entry) => JSON.stringify(entry))).size).toBe(2);
  expect(readdirSync(folder)).toEqual(['model.safetensors']);
  const before = readFileSync(path);
  await Promise.all(Array.from({ length: 5 }, () => net.save(path)));
  expect(readFileSync(path).length).toBe(before.length);
  expect(readdirSync(folder)).toEqual(['model.safetensors']);
});

test('a place that cannot be written: ERR_FILE, and nothing is left behind', async () => {
  const net = mlp();
  const nowhere = join(folder, 'none', 'model.safetensors');
  await expect(net.save(nowhere)).rejects.toMatchObject({
    code: 'ERR_FILE',
    message: `save: expected a file to write for the model but '${nowhere}' gave ENOENT`,
  });
  await expect(net.save(folder)).rejects.toMatchObject({ code: 'ERR_FILE' });
  expect(readdirSync(join(folder, '..')).filter((name) => name.startsWith(`${folder.split('/').at(-1)}.`))).toEqual([]);
  await expect(net.save(3 as never)).rejects.toThrow('save: expected a path or a file URL for path but received 3');
  net.dispose();
  await expect(net.save(path)).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
});

describe('a damaged file', () => {
  type Json = Record<string, unknown> & { layers: { kind: string; options: object; inputs: number[] }[] };
  /** The file of a network 4 - 8 - 3 with its JSON or tensors changed. */
  async function changed(change: (json: Json, tensors: Record<string, SafetensorsTensor>) => unknown): Promise<Buffer> {
    await mlp().save(path);
    const { tensors, metadata } = decodeSafetensors(readFileSync(path));
    const [json, left] = [JSON.parse(metadata.steepest!), { ...tensors }];
    const said = change(json, left);
    return Buffer.from(encodeSafetensors(left, { steepest: typeof said === 'string' ? said : JSON.stringify(json) }));
  }
  const weights = 'dense_1.weights';

  test.each<[string, Parameters<typeof changed>[0], string]>([
    ['has other text than JSON', () => 'hello', 'Unexpected token'],
    ['has JSON of something else', () => '[1]', "expected what toJSON gave, with format 'steepest-model'"],
    ['has no JSON object', () => 'null', "expected what toJSON gave, with format 'steepest-model'"],
    [
      'is of a later version',
      (json) => {
        json.version = 2;
      },
      'expected a model of version 1 but received 2',
    ],
    [
      'has an unknown layer',
      (json) => {
        json.layers[0]!.kind = 'attention';
      },
      'but received "attention"',
    ],
    [
      'has an unknown option',
      (json) => {
        Object.assign(json.layers[0]!.options, { rank: 3 });
      },
      "unknown option 'rank'",
    ],
    [
      'has an unknown field',
      (json) => {
        json.lr = 3;
      },
      "unknown option 'lr'",
    ],
    [
      'reads a layer that is not there',
      (json) => {
        json.layers[0]!.inputs = [1];
      },
      'layers[0].inputs',
    ],
    [
      'has layers that do not fit',
      (json) => {
        json.inputShape = [4, 4, 1];
      },
      'dense_1: expected a flat input',
    ],
    [
      'has a name that is none',
      (json) => {
        json.name = 3;
      },
      'expected a string for name',
    ],
    [
      'has a seed that is none',
      (json) => {
        json.seed = -1;
      },
      'expected an integer >= 0 for seed',
    ],
    [
      'has an unknown loss',
      (json) => {
        json.loss = { name: 'focal' };
      },
      'but received "focal"',
    ],
    [
      'has a loss that is none',
      (json) => {
        json.loss = null;
      },
      'loss',
    ],
    [
      'is as deep as can be',
      () =>
        `{"format":"steepest-model","version":1,"inputShape":[4],"layers":[{"inputs":[-1],"kind":"residual","options":${'{"shortcut":[],"layers":[{"kind":"residual","options":'.repeat(20000)}{}${'}]}'.repeat(20000)}}]}`,
      '',
    ],
    [
      'is larger than its tensors',
      (json) => {
        Object.assign(json.layers[0]!.options, { units: 2 ** 45 });
      },
      'expected F32 [4, 35184372088832] for dense_1.weights but received F32 [4, 8]',
    ],
    [
      'lacks a tensor',
      (_, tensors) => {
        delete tensors[weights];
      },
      'expected the tensor dense_1.weights, F32 [4, 8]',
    ],
    [
      'has another tensor',
      (_, tensors) => {
        tensors.a = tensors[weights]!;
      },
      'the tensor "a" belongs to no layer',
    ],
    [
      'has a turned tensor',
      (_, tensors) => {
        tensors[weights] = { ...tensors[weights]!, shape: [8, 4] };
      },
      'expected F32 [4, 8] for dense_1.weights but received F32 [8, 4]',
    ],
    [
      'has whole numbers',
      (_, tensors) => {
        for (const [name, { shape }] of Object.entries(tensors))
          tensors[name] = { dtype: 'I32', shape, data: new Int32Array(shape.reduce((a, b) => a * b)) };
      },
      'expected F32 or F64 for the parameters but received I32',
    ],
  ])('that %s: ERR_FORMAT with its name', async (_, change, message) => {
    const file = join(folder, 'damaged.safetensors');
    writeFileSync(file, await changed(change));
    const error = await loadModel(file).catch((e) => e);
    expect([error.code, error.name]).toEqual(['ERR_FORMAT', 'SteepestError']);
    expect(error.message).toMatch(`loadModel: ${file}: `);
    expect(error.message).toContain(message);
  });

  test('with tensors alone, or cut off: ERR_FORMAT', async () => {
    await expect(loadModel(encodeSafetensors({}))).rejects.toThrow('expected a model that was saved by steepest');
    await mlp().save(path);
    await expect(loadModel(readFileSync(path).subarray(0, -1))).rejects.toMatchObject({ code: 'ERR_FORMAT' });
    await expect(loadModel(join(folder, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('what cannot be saved says so; options are checked', async () => {
  const own = {
    kind: 'own',
    options: {},
    build: (shape: readonly number[]) => ({ outputShape: shape, parameters: [] }),
    apply: (x: never) => x,
  };
  const net = sequential({ inputShape: [3], device: 'reference' }, [own]);
  expect(() => net.toJSON()).toThrow(/layer: .*kind but received "own"/);
  await expect(net.save(path)).rejects.toThrow('"own"');
  await expect(loadModel(path, { devise: 'cpu' } as never)).rejects.toThrow("did you mean 'device'?");
  expect(() => Model.fromJSON({} as never)).toThrow(
    "fromJSON: expected what toJSON gave, with format 'steepest-model'",
  );
});
