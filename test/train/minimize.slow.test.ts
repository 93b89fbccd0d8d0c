import { describe, expect, test } from 'vitest';
import { batchNorm } from '../../lib/layers/batch-norm.js';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { dropout } from '../../lib/layers/dropout.js';
import { flatten } from '../../lib/layers/flatten.js';
import { sigmoid } from '../../lib/layers/sigmoid.js';
import { softmax } from '../../lib/layers/softmax.js';
import { stochasticPool2d } from '../../lib/layers/stochastic-pool2d.js';
import type { IterationRecord, MinimizeOptions, Minimum } from '../../lib/train/minimize-options.js';
import { type Model, sequential } from '../../lib/train/model.js';
import { clusters, hasCpu, mlp, xor } from './tiny.js';

function squaredNorm(model: Model): number {
  return model.weights().reduce((sum, { values }) => sum + Array.from(values).reduce((s, v) => s + v * v, 0), 0);
}

const methods: MinimizeOptions[] = [
  { method: 'newton-cg', sampleSize: 30 },
  { method: 'lbfgs' },
  { method: 'gradient-descent', iterations: 300 },
];
const logistic = (device: 'reference' | 'cpu', precision: 'float64' | 'fp32') =>
  sequential({ inputShape: [4], seed: 1, device, precision }, [dense({ units: 3 })]);

describe.each(methods)('$method', (options) => {
  test('finds the one minimum of a convex problem, whatever the start', async () => {
    const data = clusters(60);
    const ends: number[] = [];
    for (const seed of [1, 2]) {
      const model = sequential({ inputShape: [4], seed, device: 'reference', precision: 'float64' }, [
        dense({ units: 3 }),
      ]);
      const run = await model.minimize(data, { ...options, C: 10, tolerance: 1e-5 });
      expect(run).toMatchObject({ reason: 'tolerance', stopped: false });
      ends.push(run.objective);
      const { loss } = await model.evaluate(data);
      const square = squaredNorm(model);
      expect(run.objective).toBeCloseTo(square / 20 + loss, 12); // the weights are those of the last record
      model.dispose();
    }
    expect(ends[1]! / ends[0]! - 1).toBeCloseTo(0, 8);
  });

  test('lowers the objective in every iteration, and repeats bit for bit', async () => {
    const runs = [];
    for (const batchSize of [16, 16, 60]) {
      const model = mlp({ seed: 3 });
      runs.push((await model.minimize(clusters(60), { ...options, iterations: 6, batchSize })).iterations);
      model.dispose();
    }
    const [a, b, whole] = runs.map((records) => records.map(({ seconds: _, ...rest }) => rest)) as [
      Omit<IterationRecord, 'seconds'>[],
      Omit<IterationRecord, 'seconds'>[],
      Omit<IterationRecord, 'seconds'>[],
    ];
    expect(a).toEqual(b);
    for (let i = 1; i < a.length; i++) expect(a[i]!.objective).toBeLessThan(a[i - 1]!.objective);
    expect(whole[1]!.objective).toBeCloseTo(a[1]!.objective, 5);
  });
});

test.skipIf(!hasCpu())('cpu and reference agree, and float32 ends where it cannot get lower', async () => {
  const data = clusters(60);
  const ends = [];
  for (const model of [logistic('reference', 'float64'), logistic('cpu', 'fp32')]) {
    const run = await model.minimize(data, { method: 'lbfgs', C: 10, tolerance: 0, iterations: 200 });
    expect(run.reason).toBe('line-search');
    ends.push(run.objective);
    model.dispose();
  }
  expect(ends[1]).toBeCloseTo(ends[0]!, 6);
});

describe('the objective', () => {
  test('has C = 0.01 rows by default, and none where C is infinite', async () => {
    const model = mlp({ precision: 'float64' });
    const square = squaredNorm(model);
    const { loss } = await model.evaluate(clusters(50));
    const start = async (C?: number) => {
      const run = model.minimize(clusters(50), { C, iterations: 1, onIteration: () => run.stop() });
      return (await run).iterations[0]!.objective;
    };
    expect(await start()).toBeCloseTo(loss + square / (2 * 0.5), 10);
    expect(await start(3)).toBeCloseTo(loss + square / 6, 10);
    expect(await start(Number.POSITIVE_INFINITY)).toBeCloseTo(loss, 10);
  });

  test('is that of the network in use: no dropout, running statistics as they are', async () => {
    const layers = [
      dense({ units: 6, activation: 'relu' as const }),
      batchNorm(),
      dropout({ rate: 0.5 }),
      dense({ units: 3 }),
    ];
    const model = sequential({ inputShape: [4], seed: 1, device: 'reference', precision: 'float64' }, layers);
    const data = clusters(40);
    await model.fit(data, { epochs: 2, batchSize: 10 });
    const statistics = () => model.weights().filter(({ name }) => name.includes('running'));
    const before = statistics();
    expect(before.length).toBe(2);
    for (const { method } of methods) {
      const { iterations, objective } = await model.minimize(data, { method, iterations: 2, C: Infinity });
      expect(objective).toBeLessThan(iterations[0]!.objective);
      expect(objective).toBeCloseTo((await model.evaluate(data)).loss, 10);
    }
    expect(statistics()).toEqual(before);
  });

  test.each([
    ['softmax', 'softmaxCrossEntropy', softmax()],
    ['sigmoid', 'logistic', sigmoid()],
    ['sigmoid', 'squaredError', sigmoid()],
    ['linear', 'squaredHinge', undefined],
    ['linear', 'hinge', undefined],
  ] as const)('may end with %s under %s', async (_, loss, end) => {
    const layers = [dense({ units: 5, activation: 'tanh' as const }), dense({ units: 3 }), ...(end ? [end] : [])];
    const model = sequential({ inputShape: [4], seed: 1, device: 'reference' }, layers);
    const { iterations, objective } = await model.minimize(clusters(30), { loss, C: 5, iterations: 3, sampleSize: 15 });
    expect(objective).toBeLessThan(iterations[0]!.objective);
    expect(iterations[1]!.cgSteps).toBeGreaterThan(0);
  });
});

describe('the run', () => {
  const data = clusters(40);

  test('is iterated, tells progress and the validation, and has the weights of each record', async () => {
    const model = mlp();
    const progress: number[] = [];
    const losses: number[] = [];
    const run = model.minimize(data, {
      iterations: 3,
      C: Number.POSITIVE_INFINITY,
      validationData: clusters(20, 4, 2),
      onProgress: ({ iteration, iterations, passes }) => {
        expect([iterations, passes > 0]).toEqual([3, true]);
        progress.push(iteration);
      },
      onIteration: async ({ objective }) => {
        losses.push((await model.evaluate(data)).loss - objective);
        model.weights();
      },
    });
    const seen: IterationRecord[] = [];
    for await (const record of run) seen.push(record);
    const { iterations, reason } = await run;
    expect(seen).toEqual(iterations);
    expect(reason).toBe('iterations');
    for (const difference of losses) expect(difference).toBeCloseTo(0, 5);
    expect(progress[0]).toBe(0);
    const { testLoss, testAccuracy } = iterations.at(-1)!;
    expect(await model.evaluate(clusters(20, 4, 2))).toMatchObject({ loss: testLoss, accuracy: testAccuracy });
    expect(Object.keys(iterations[0]!)).toEqual([
      ...['kind', 'iteration', 'objective', 'gradientNorm', 'lambda', 'testLoss', 'testAccuracy', 'passes'],
      'seconds',
    ]);
  });

  test.each(methods)(
    'of $method is stopped in the middle of an iteration; the weights are those of the last record',
    async (options) => {
      const model = mlp({ precision: 'float64' });
      const onIteration = ({ iteration }: IterationRecord) => iteration === 1 && setImmediate(() => run.stop());
      const run = model.minimize(data, { ...options, C: 10, iterations: 50, batchSize: 2, onIteration });
      const { stopped, reason, iterations, objective } = await run;
      expect([stopped, reason, iterations.length]).toEqual([true, 'stopped', 2]);
      expect(objective).toBe(iterations[1]!.objective);
      expect((await model.evaluate(data)).loss + squaredNorm(model) / 20).toBeCloseTo(objective, 12);
      model.dispose();
    },
  );

  test.each(methods)('of $method rests between two passes at the last record, and changes no bit', async (options) => {
    const [plain, paused] = [mlp({ precision: 'float64' }), mlp({ precision: 'float64' })];
    const settings = { ...options, C: 10, iterations: 3, batchSize: 5 };
    const wanted = await plain.minimize(data, settings);
    const run = paused.minimize(data, { ...settings });
    const rests = new Set<number>();
    for (;;) {
      await run.pause();
      const { state, iteration, record, passes } = run.status;
      if (state === 'done') break;
      expect(state).toBe('paused');
      rests.add(passes);
      if (record !== undefined)
        expect((await paused.evaluate(data)).loss + squaredNorm(paused) / 20).toBeCloseTo(record.objective, 12);
      expect(iteration).toBe(record === undefined ? 0 : record.iteration + 1);
      run.resume();
      await new Promise(setImmediate);
    }
    const numbers = ({ iterations }: Minimum) => iterations.map(({ seconds: _, ...rest }) => rest);
    expect(numbers(await run)).toEqual(numbers(wanted));
    expect(paused.weights()).toEqual(plain.weights());
    if (options.method !== 'lbfgs') expect(Math.max(...rests)).toBeGreaterThan(0); // whose iterations are mostly one pass
    expect(run.status).toMatchObject({ state: 'done', iteration: 3, record: { iteration: 3 } });
  });

  test('is left by a break, and goes on from there in another', async () => {
    const model = mlp({ precision: 'float64' });
    const run = model.minimize(data, { method: 'lbfgs', C: 10 });
    for await (const { iteration } of run) if (iteration === 2) break;
    const { iterations, objective } = await run;
    const next = model.minimize(data, { method: 'gradient-descent', C: 10, iterations: 1 });
    expect((await next).iterations[0]!.objective).toBeCloseTo(objective, 12);
    expect(iterations.length).toBeGreaterThanOrEqual(3);
  });

  test('rejects with the reason of its signal, and with ERR_DISPOSED', async () => {
    const model = mlp();
    const control = new AbortController();
    const onIteration = ({ iteration }: IterationRecord) => iteration === 1 && control.abort(new Error('enough'));
    await expect(model.minimize(data, { signal: control.signal, onIteration })).rejects.toThrow('enough');
    await expect(model.minimize(data, { signal: control.signal })).rejects.toThrow('enough');
    const gone = model.minimize(data, { onIteration: ({ iteration }) => iteration === 1 && model.dispose() });
    await expect(gone).rejects.toMatchObject({ code: 'ERR_DISPOSED' });
  });

  test('is the only one of a model, and passes on what a callback throws', async () => {
    const model = mlp();
    const run = model.minimize(data, { iterations: 2 });
    await expect(model.fit(data)).rejects.toThrow(/^fit: another run/);
    await expect(model.minimize(data)).rejects.toThrow(/^minimize: another run.* is under way/);
    await run;
    const onIteration = () => {
      throw new Error('mine');
    };
    await expect(model.minimize(data, { onIteration })).rejects.toThrow('mine');
    await model.minimize(data, { iterations: 1 });
  });
});

describe('samples', () => {
  test('are 5 % of the rows in random order, each row once until all are used', async () => {
    const asked: string[] = [];
    const model = mlp();
    const seen = async (options: MinimizeOptions) => {
      const { iterations } = await model.minimize(clusters(40), { iterations: 2, ...options });
      asked.push(JSON.stringify(iterations.map(({ prered }) => prered)));
      model.setWeights(start);
    };
    const start = model.weights();
    await seen({});
    await seen({ seed: 1 }); // the model's
    await seen({ sampleSize: 2 });
    await seen({ seed: 2 });
    await seen({ sampleSize: 3 });
    expect([asked[1], asked[2]]).toEqual([asked[0], asked[0]]);
    expect(new Set(asked).size).toBe(3);
  });

  test('from the user are checked', async () => {
    const model = mlp();
    const sampled = (rows: unknown) => model.minimize(clusters(10), { sample: () => rows as number[] });
    await expect(sampled(3)).rejects.toThrow(
      /minimize: expected an array of row numbers for the sample of iteration 1/,
    );
    await expect(sampled([])).rejects.toMatchObject({ code: 'ERR_SHAPE' });
    await expect(sampled([0, 10])).rejects.toThrow(/integer in \[0, 9\] for the sample of iteration 1 at 1/);
    await expect(sampled([0, 0.5])).rejects.toThrow(RangeError);
  });
});

test('mistakes reject before anything changes', async () => {
  const model: Model = mlp();
  const before = model.weights();
  const data = clusters(12);
  const rejected = (options: object, what: unknown = data) => expect(model.minimize(what as never, options)).rejects;
  await rejected({ method: 'newtoncg' }).toThrow(/did you mean 'newton-cg'/);
  await rejected({ xii: 1 }).toThrow(/unknown option 'xii' \(did you mean 'xi'\?\)/);
  await rejected({ method: 'lbfgs', xi: 0.1 }).toThrow(/unknown option 'xi'/);
  await rejected({ C: 0 }).toThrow(RangeError);
  await rejected({ nu: 0.5, method: 'gradient-descent' }).toThrow(/\(0, 0.5\)/);
  await rejected({ method: 'lbfgs', c1: 0.9, c2: 0.1 }).toThrow(/\(0, 0.1\) for c1/);
  await rejected({ lambda: -1 }).toThrow(RangeError);
  await rejected({ drop: 1.5 }).toThrow(RangeError);
  await rejected({ boost: 0.5 }).toThrow(RangeError);
  await rejected({ iterations: 0 }).toThrow(RangeError);
  await rejected({ tolerance: 2 }).toThrow(RangeError);
  await rejected({ sample: [1] }).toThrow(TypeError);
  await rejected({ onIteration: 1 }).toThrow(TypeError);
  await rejected({ signal: {} }).toThrow(/minimize: expected an AbortSignal/);
  await rejected({}, [data]).toThrow(/data set { x, y } in memory/);
  await rejected({}, () => [data]).toThrow(TypeError);
  await rejected({}, { x: data.x, y: [1, 2] }).toMatchObject({ code: 'ERR_SHAPE' });
  await rejected({ loss: 'softmaxCrossEntropy', validationData: { x: [[1]], y: [1] } }).toThrow(/validationData/);
  await rejected({}, { x: [[1, 2, 3, Number.NaN]], y: [0] }).toThrow(
    /finite objective and gradient at the start but received NaN/,
  );
  expect(model.weights()).toEqual(before);
  const pooled = sequential({ inputShape: [4, 4, 1], device: 'reference' }, [
    stochasticPool2d(),
    flatten(),
    dense({ units: 2 }),
  ]);
  const drawn = sequential({ inputShape: [4, 4, 1], device: 'reference' }, [
    conv2d({ filters: 2, kernelSize: 1 }),
    stochasticPool2d(),
    flatten(),
    dense({ units: 2 }),
  ]);
  const images = { x: new Float32Array(32), y: [0, 1] };
  await expect(drawn.minimize(images)).rejects.toMatchObject({ code: 'ERR_NOT_DIFFERENTIABLE' });
  await pooled.minimize(images, { iterations: 1 }); // nothing trained stands before it
  const one = sequential({ inputShape: [2], device: 'reference' }, [dense({ units: 1 })]);
  await expect(one.minimize({ ...xor, y: [0, 0, 0, 0] })).rejects.toThrow(/at least 2 classes/);
});
