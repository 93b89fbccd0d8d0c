/** fitLinear: minima by their own conditions, several classes, the model's functions, and what it refuses. */
import { describe, expect, it } from 'vitest';
import type { SparseDataset } from '../../../lib/data/sparse.js';
import { fitLinear, type LinearOptions, readLibsvm } from '../../../lib/index.js';
import { losses, problem } from './problems.js';

const signs = (y: Iterable<number>, positive: number) => Array.from(y, (label) => (label === positive ? 1 : -1));
const norm2 = (w: readonly number[]) => w.reduce((sum, v) => sum + v * v, 0);
const norm1 = (w: readonly number[]) => w.reduce((sum, v) => sum + Math.abs(v), 0);

/** Few rows with many columns, and many with few (by the Gram matrix, where L1-regularised). */
const shapes = [
  ['wide', 0.7, problem(40, 120, { density: 0.1 })],
  ['tall', 0.05, problem(300, 9)],
] as const;

describe.each(shapes)('on %s rows', (_, C, { x, y, dense }) => {
  const at = async (options: LinearOptions) => {
    const model = await fitLinear({ x, y }, { C, tolerance: 1e-10, ...options });
    const bias = Number(options.bias ?? 0);
    const w = [...model.weights, ...(bias === 0 ? [] : [model.biases[0]! / bias])];
    return { model, w, ...losses(dense, signs(y, 1), w, options.loss!, C, bias) };
  };

  it.each(['logistic', 'squaredHinge'] as const)('%s: the gradient is 0', async (loss) => {
    for (const bias of [0, 2]) {
      const { model, w, value, gradient } = await at({ loss, bias });
      expect(model.objective).toBeCloseTo(norm2(w) / 2 + value, 9);
      const g = gradient.map((v, j) => v + w[j]!);
      expect(norm2(g) / 2).toBeLessThanOrEqual(1e-9 * model.objective);
      expect(model.gap).toBeCloseTo(norm2(g) / 2, 9);
    }
  });

  it.each(['logistic', 'squaredHinge'] as const)(
    '%s with l1: slopes are 1 against the weights, and less at 0',
    async (loss) => {
      for (const bias of [0, 2]) {
        const { model, w, value, gradient } = await at({ loss, bias, regularizer: 'l1' });
        expect(model.objective).toBeCloseTo(norm1(w) + value, 9);
        for (const [j, v] of w.entries()) {
          if (v === 0) expect(Math.abs(gradient[j]!)).toBeLessThan(1 + 1e-4);
          else expect(Math.abs(gradient[j]! + Math.sign(v))).toBeLessThan(1e-3);
        }
        expect(w.filter((v) => v === 0).length).toBeGreaterThan(0);
        expect(w.filter((v) => v !== 0).length).toBeGreaterThan(0);
      }
    },
  );

  it('hinge: no direction leads down', async () => {
    for (const bias of [0, 2]) {
      const { model, w, value } = await at({ loss: 'hinge', bias });
      expect(model.objective).toBeCloseTo(norm2(w) / 2 + value, 9);
      const f = (v: number[]) => norm2(v) / 2 + losses(dense, signs(y, 1), v, 'hinge', C, bias).value;
      for (let j = 0; j < w.length; j += 11)
        for (const step of [1e-3, -1e-3])
          expect(f(w.map((v, k) => (k === j ? v + step : v)))).toBeGreaterThan(model.objective * (1 - 1e-9));
    }
  });
});

describe('columns that depend on each other', () => {
  it.each(['logistic', 'squaredHinge'] as const)('%s with l1: the same minimum as without the copies', async (loss) => {
    for (const [rows, columns] of [
      [200, 6],
      [30, 50],
    ] as const) {
      const { y, dense } = problem(rows, columns);
      const settings = { loss, regularizer: 'l1', C: 0.3, bias: 1, tolerance: 1e-9 } as const;
      const plain = await fitLinear({ x: dense, y }, settings);
      // Each column twice, the sum of all, and a constant beside the bias.
      const copies = dense.map((row) => [...row, ...row, row.reduce((sum, v) => sum + v, 0) / 50, 1]);
      const doubled = await fitLinear({ x: copies, y }, settings);
      expect([plain.converged, doubled.converged]).toEqual([true, true]);
      expect(doubled.objective / plain.objective).toBeCloseTo(1, 7);
    }
  });
});

describe('several classes', () => {
  const { x, y, dense } = problem(200, 6, { classes: 3 });
  const labels = Float64Array.from(y, (k) => [7, -2, 30][k]!);

  it('one against the rest: the sum of its problems, labels rising', async () => {
    const model = await fitLinear({ x, y: labels }, { loss: 'squaredHinge', bias: 1, tolerance: 1e-9 });
    expect([...model.labels]).toEqual([-2, 7, 30]);
    expect([model.outputs, model.weights.length, model.biases.length]).toEqual([3, 18, 3]);
    let sum = 0;
    for (const [k, label] of model.labels.entries()) {
      const one = await fitLinear({ x, y: signs(labels, label) }, { loss: 'squaredHinge', bias: 1, tolerance: 1e-9 });
      sum += one.objective;
      expect([...model.weights.slice(6 * k, 6 * k + 6)]).toEqual([...one.weights]);
      expect(model.biases[k]).toBe(one.biases[0]);
    }
    expect(model.objective).toBeCloseTo(sum, 9);
    expect(model.accuracy).toBeGreaterThan(0.7);
  });

  it('softmax: the gradient is 0, and the loss is that of the definition', async () => {
    const C = 2;
    const model = await fitLinear({ x, y: labels }, { multiClass: 'softmax', C, bias: 1, tolerance: 1e-12 });
    const w = Array.from({ length: 3 }, (_, k) => [...model.weights.slice(6 * k, 6 * k + 6), model.biases[k]!]);
    let value = norm2(w.flat()) / 2;
    const gradient = w.map((row) => [...row]);
    for (const [i, row] of dense.entries()) {
      const full = [...row, 1];
      const u = w.map((weights) => weights.reduce((sum, v, j) => sum + v * full[j]!, 0));
      const total = u.reduce((sum, v) => sum + Math.exp(v), 0);
      const right = model.labels.indexOf(labels[i]!);
      value += C * (Math.log(total) - u[right]!);
      for (const [k, v] of u.entries())
        for (const [j, feature] of full.entries())
          gradient[k]![j]! += C * (Math.exp(v) / total - (k === right ? 1 : 0)) * feature;
    }
    expect(model.objective).toBeCloseTo(value, 9);
    expect(norm2(gradient.flat())).toBeLessThan(1e-9);
    expect(model.accuracy).toBeGreaterThan(0.7);
    expect([...model.decision(x)].length).toBe(600);
  });

  it('softmax of two classes is the logistic loss with twice the regulariser', async () => {
    // u_1 - u_0 = v'x is least regularised by w_1 = -w_0 = v / 2: |v|^2 / 4.
    const two = problem(100, 5, { density: 1 });
    const soft = await fitLinear(two, { multiClass: 'softmax', C: 1, tolerance: 1e-12 });
    const plain = await fitLinear(two, { loss: 'logistic', C: 2, tolerance: 1e-12 });
    expect(soft.outputs).toBe(2);
    expect(soft.objective).toBeCloseTo(plain.objective / 2, 8);
    expect([...soft.predict(two.x)]).toEqual([...plain.predict(two.x)]);
  });
});

describe('data and results', () => {
  const { x, y, dense } = problem(80, 7);

  it('takes dense rows in the forms that fit takes', async () => {
    const sparse = await fitLinear({ x, y });
    const forms = [dense, Float64Array.from(dense.flat()), dense.map((row) => Float64Array.from(row))];
    for (const form of forms) {
      const model = await fitLinear({ x: form, y: [...y] });
      expect([...model.weights]).toEqual([...sparse.weights]);
      expect([...model.decision(form)]).toEqual([...sparse.decision(x)]);
    }
    const pixels = Uint8Array.from({ length: 40 }, (_, i) => (i * 37) % 256);
    const signed = Float64Array.from({ length: 20 }, (_, i) => i % 2);
    const [bytes, reals] = [pixels, Float64Array.from(pixels, (v) => v * (1 / 255))];
    const weights = async (rows: Uint8Array | Float64Array) => [...(await fitLinear({ x: rows, y: signed })).weights];
    expect(await weights(bytes)).toEqual(await weights(reals));
  });

  it('decides, predicts and evaluates', async () => {
    const model = await fitLinear({ x, y: signs(y, 1) }, { loss: 'hinge', bias: 3 });
    const u = model.decision(x);
    for (const [i, row] of dense.entries())
      expect(u[i]).toBeCloseTo(
        row.reduce((sum, v, j) => sum + v * model.weights[j]!, model.biases[0]!),
        12,
      );
    expect([...model.predict(x)]).toEqual([...u].map((v) => (v >= 0 ? 1 : -1)));
    expect(model.evaluate({ x, y: signs(y, 1) })).toEqual({ accuracy: model.accuracy });
    expect(model.evaluate({ x, y: y.map(() => 5) })).toEqual({ accuracy: 0 });
    expect([...model.predict([[0, 0, 0, 0, 0, 0, 0]])]).toEqual([model.biases[0]! >= 0 ? 1 : -1]);
    const narrow = {
      ...x,
      columns: 6,
      starts: new Int32Array(81),
      indices: new Int32Array(0),
      values: new Float64Array(0),
    };
    expect(model.decision(narrow)[0]).toBeCloseTo(model.biases[0]!, 12);
    expect(() => model.decision({ ...narrow, columns: 8 })).toThrow(/x has 8 columns, but the model has 7 features/);
    expect(() => model.decision([[1, 2]])).toThrow(/row 0 of x has 2 values where 7 are expected/);
    expect(() => model.evaluate({ x, y: [1] })).toThrow(/x has 80 rows and y 1 labels/);
  });

  it('gives the same bits for the same seed', async () => {
    const run = async (seed: number) => [
      ...(await fitLinear({ x, y }, { loss: 'hinge', seed, tolerance: 1e-2 })).weights,
    ];
    expect(await run(3)).toEqual(await run(3));
    expect(await run(3)).not.toEqual(await run(4));
  });

  it('says when the iterations end before the tolerance is reached', async () => {
    for (const loss of ['hinge', 'logistic'] as const) {
      const model = await fitLinear({ x, y }, { loss, maxIterations: 1, tolerance: 1e-9 });
      expect([model.converged, model.iterations]).toEqual([false, 1]);
      expect(model.gap).toBeGreaterThan(1e-9 * model.objective);
    }
  });

  it('copes with rows and columns without entries', async () => {
    const holes = [
      [0, 0, 0],
      [1, 0, 0],
      [0, 0, 0],
      [-1, 0, 0],
    ];
    for (const loss of ['hinge', 'squaredHinge', 'logistic'] as const) {
      const { weights, converged } = await fitLinear({ x: holes, y: [0, 1, 1, 0] }, { loss, tolerance: 1e-6 });
      expect(converged).toBe(true);
      expect(weights[0]).toBeGreaterThan(0);
      expect([...weights.slice(1)]).toEqual([0, 0]);
    }
    const l1 = await fitLinear({ x: holes, y: [0, 1, 1, 0] }, { regularizer: 'l1', C: 10, tolerance: 1e-6 });
    expect([l1.converged, l1.weights[1]]).toEqual([true, 0]);
  });
});

describe('while it runs', () => {
  const large = problem(4000, 60, { density: 0.3 });

  it('lets the event loop have turns, and tells how far it is', async () => {
    let [turns, done] = [0, false];
    const count = () => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    const seen: number[] = [];
    const options = {
      loss: 'hinge',
      tolerance: 1e-9,
      onProgress: (p: { iterations: number }) => seen.push(p.iterations),
    } as const;
    const model = await fitLinear(large, options);
    done = true;
    expect(turns).toBeGreaterThan(3);
    expect(seen.length).toBeGreaterThan(3);
    expect(seen.at(-1)).toBe(model.iterations);
  });

  it('ends when it is told to', async () => {
    const reason = new Error('enough');
    await expect(fitLinear(large, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const run = fitLinear(large, { loss: 'hinge', C: 100, tolerance: 1e-12, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(run).rejects.toBe(reason);
  });
});

describe('bad input', () => {
  const { x, y } = problem(10, 3);
  const refused = async (data: unknown, options: unknown, message: RegExp, kind: new (...args: never[]) => Error) => {
    const error = await fitLinear(data as SparseDataset, options as LinearOptions).catch((e) => e);
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(message);
    return error;
  };

  const options: [unknown, RegExp, new (...args: never[]) => Error][] = [
    [{ C: 0 }, /fitLinear: expected a number in \(0, Infinity\) for C but received 0/, RangeError],
    [{ C: -1 }, /for C but received -1/, RangeError],
    [{ C: Number.NaN }, /for C but received NaN/, RangeError],
    [{ C: '1' }, /for C but received "1"/, TypeError],
    [{ c: 1 }, /unknown option 'c' \(did you mean 'C'\?\)/, TypeError],
    [{ loss: 'hing' }, /did you mean 'hinge'/, RangeError],
    [{ bias: -1 }, /for bias but received -1/, RangeError],
    [{ bias: 'yes' }, /for bias but received "yes"/, TypeError],
    [{ tolerance: 0 }, /for tolerance but received 0/, RangeError],
    [{ tolerance: 1 }, /for tolerance but received 1/, RangeError],
    [{ maxIterations: 0 }, /a positive integer for maxIterations/, RangeError],
    [{ seed: -1 }, /for seed/, RangeError],
    [{ regularizer: 'l3' }, /expected one of 'l2', 'l1' for regularizer/, RangeError],
    [{ regularizer: 'l1', loss: 'hinge' }, /'l1' needs loss 'squaredHinge' or 'logistic'/, TypeError],
    [{ multiClass: 'softmax', loss: 'hinge' }, /'softmax' needs loss 'logistic' and regularizer 'l2'/, TypeError],
    [{ multiClass: 'softmax', regularizer: 'l1' }, /'softmax' needs loss 'logistic' and regularizer 'l2'/, TypeError],
    [{ signal: 1 }, /expected an AbortSignal for signal/, TypeError],
    [{ onProgress: 1 }, /expected a function for onProgress/, TypeError],
  ];
  it.each(options)('refuses the options %j', (given, message, kind) => refused({ x, y }, given, message, kind));

  const data: [string, unknown, RegExp, new (...args: never[]) => Error][] = [
    ['nothing', undefined, /expected an object \{ x, y \} for data/, TypeError],
    ['no labels', { x }, /expected a typed array or an array of labels for y/, TypeError],
    ['no rows', { x, y: [] }, /expected at least one row but y is empty/, RangeError],
    ['too few labels', { x, y: y.slice(1) }, /x has 10 rows, so y needs 10 labels, but it has 9/, RangeError],
    ['labels in part', { x, y: y.map((v) => v / 2) }, /expected whole labels but row \d of y is 0.5/, RangeError],
    ['NaN labels', { x, y: y.map(() => Number.NaN) }, /expected whole labels but row 0 of y is NaN/, RangeError],
    ['one class', { x, y: y.map(() => 3) }, /expected two classes but row 9 of y is 3 like all/, RangeError],
    [
      'dense rows that do not divide',
      { x: new Float64Array(7), y: [0, 1] },
      /expected 2 rows, one for each label/,
      RangeError,
    ],
    ['NaN', { x: [[1], [Number.NaN]], y: [0, 1] }, /row 1 of x has NaN in column 0/, RangeError],
    ['unsorted columns', { x: { ...x, indices: x.indices.toReversed() }, y }, /expected rising columns/, RangeError],
    ['huge features', { x: [[1e154], [1e154]], y: [0, 1] }, /squares of the features are beyond float64/, RangeError],
  ];
  it.each(data)('refuses %s', (_, given, message, kind) => refused(given, undefined, message, kind));

  it('names file and line where there are more than two classes, or only one', async () => {
    const three = await readLibsvm(Buffer.from('+1 1:1\n-1 1:2\n\n3 1:1\n'));
    const error = await refused(
      three,
      { multiClass: 'none' },
      /Buffer\(21\): line 4: the label is 3, a third after 1 and -1/,
      RangeError,
    );
    expect(error).toMatchObject({ file: 'Buffer(21)', line: 4 });
    expect((await fitLinear(three)).outputs).toBe(3);
    const one = await readLibsvm(Buffer.from('1 1:1\n1 1:2\n'));
    await refused(one, {}, /expected two classes but Buffer\(12\): line 2: the label is 1 like all/, RangeError);
  });
});
