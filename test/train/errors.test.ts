/** What a user can do wrong: each is told in one sentence, changes nothing, and leaves the model usable. */
import { describe, expect, test } from 'vitest';
import { conv2d } from '../../lib/layers/conv2d.js';
import { dense } from '../../lib/layers/dense.js';
import { sequential } from '../../lib/train/model.js';
import type { FitOptions } from '../../lib/train/options.js';
import { clusters, mlp } from './tiny.js';

const good = clusters(12);
// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
type Any = any;

function detached(): Float32Array {
  const x = new Float32Array(8);
  structuredClone(x.buffer, { transfer: [x.buffer] });
  return x;
}

const wrongData: [string, Any, new (...args: never[]) => Error, RegExp][] = [
  ['nothing', undefined, TypeError, /expected a data set .* for data but received undefined/],
  ['a bare array', new Float32Array(8), TypeError, /data .*Float32Array\(8\)/],
  ['an empty object', {}, TypeError, /expected a data set/],
  ['no y', { x: good.x }, TypeError, /labels or targets for y/],
  ['no x', { y: good.y }, TypeError, /for x but received undefined/],
  ['a string', { x: 'abc', y: [0] }, TypeError, /for x but received "abc"/],
  ['big integers', { x: new BigInt64Array(4), y: [0] }, TypeError, /BigInt64Array/],
  ['a DataView', { x: new DataView(new ArrayBuffer(16)), y: [0] }, TypeError, /DataView/],
  ['no rows', { x: new Float32Array(0), y: [] }, RangeError, /at least one row/],
  ['half a row', { x: new Float32Array(6), y: [0] }, RangeError, /x has 6 values.*\[4\]/],
  ['too few labels', { x: new Float32Array(8), y: [0] }, RangeError, /x has 2 rows.*2 labels.*1 values/],
  ['too many labels', { x: new Float32Array(4), y: [0, 1] }, RangeError, /x has 1 rows/],
  ['a label too large', { x: new Float32Array(8), y: [0, 3] }, RangeError, /labels in \[0, 2\] but row 1 of y is 3/],
  ['a negative label', { x: new Float32Array(8), y: Int32Array.of(-1, 0) }, RangeError, /row 0 of y is -1/],
  ['half a label', { x: new Float32Array(8), y: [0, 0.5] }, RangeError, /whole labels but row 1 of y is 0.5/],
  ['a label NaN', { x: new Float32Array(4), y: [Number.NaN] }, RangeError, /row 0 of y is NaN/],
  [
    'numbers for a loss over classes',
    { x: new Float32Array(4), y: new Float32Array(3) },
    TypeError,
    /labels for this loss/,
  ],
  ['text among numbers', { x: [[1, 2, '3', 4]], y: [0] }, TypeError, /x\[0\]\[2\]/],
  [
    'rows of unequal length',
    {
      x: [
        [1, 2, 3, 4],
        [1, 2],
      ],
      y: [0, 1],
    },
    RangeError,
    /row 1 of x has 2 values where 4/,
  ],
  ['memory that is gone', { x: detached(), y: [0, 1] }, TypeError, /detached/],
];

const wrongOptions: [string, Any, new (...args: never[]) => Error, RegExp][] = [
  ['an unknown option', { epoch: 3 }, TypeError, /unknown option 'epoch' \(did you mean 'epochs'\?\)/],
  ['options that are none', 7, TypeError, /an object for options but received 7/],
  ['epochs 0', { epochs: 0 }, RangeError, /a positive integer for epochs but received 0/],
  ['epochs NaN', { epochs: Number.NaN }, RangeError, /for epochs but received NaN/],
  ['batchSize -1', { batchSize: -1 }, RangeError, /for batchSize but received -1/],
  ['batchSize "8"', { batchSize: '8' }, TypeError, /for batchSize but received "8"/],
  ['an unknown loss', { loss: 'hing' }, RangeError, /'hinge'/],
  ['an unknown optimizer', { optimizer: 'adamm' }, RangeError, /did you mean 'adam'/],
  ['C 0', { C: 0 }, RangeError, /for C but received 0/],
  ['C NaN', { C: Number.NaN }, RangeError, /for C but received NaN/],
  ['shuffle "yes"', { shuffle: 'yes' }, TypeError, /true or false for shuffle/],
  ['seed 0.5', { seed: 0.5 }, RangeError, /for seed/],
  ['an unknown metric', { metrics: ['recall'] }, RangeError, /metrics\[0\]/],
  ['metrics that are no list', { metrics: 'loss' }, TypeError, /for metrics/],
  ['a signal that is none', { signal: {} }, TypeError, /an AbortSignal for signal/],
  ['every "step"', { every: 'step' }, RangeError, /for every/],
  ['a profile that is none', { profile: 7 }, TypeError, /a path or a function for profile but received 7/],
  [
    'a profile that cannot be written',
    { profile: '/no/such/folder/trace.json' },
    Error,
    /profile.*trace\.json.*ENOENT/,
  ],
  ['a callback that is none', { onEpochEnd: 1 }, TypeError, /a function for onEpochEnd/],
  ['validationSplit 1', { validationSplit: 1 }, RangeError, /for validationSplit/],
  ['both validations', { validationSplit: 0.5, validationData: good }, TypeError, /not both/],
  ['wrong validation data', { validationData: { x: good.x, y: [1] } }, RangeError, /validationData: x has 12 rows/],
  [
    'nothing but a remainder',
    { dropRemainder: true, batchSize: 13 },
    RangeError,
    /nothing of 12 rows with batchSize 13/,
  ],
];

describe('fit rejects', () => {
  test.each(wrongData)('%s', async (_, data, kind, message) => {
    const model = mlp();
    const before = model.weights();
    const error = await model.fit(data).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(message);
    expect(model.weights()).toEqual(before);
    expect((await model.fit(good)).epochs).toHaveLength(1);
  });

  test.each(wrongOptions)('%s', async (_, options, kind, message) => {
    const model = mlp();
    const before = model.weights();
    const error = await model.fit(good, options as FitOptions).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(message);
    expect(model.weights()).toEqual(before);
    expect((await model.fit(good)).epochs).toHaveLength(1);
  });

  test('memory that goes while it is read', async () => {
    const x = new Float32Array(2_400_000);
    const model = mlp();
    const run = model.fit({ x, y: new Int32Array(600_000) });
    structuredClone(x.buffer, { transfer: [x.buffer] });
    await expect(run).rejects.toThrow('detached or shortened while it was read');
    await model.fit(good);
  });

  test('a loss that does not fit the network, and keeps the model usable', async () => {
    const model = sequential({ inputShape: [2], device: 'reference' }, [dense({ units: 1 })]);
    await expect(model.fit({ x: [1, 2], y: [0] })).rejects.toThrow(/logistic/);
    await model.fit({ x: [1, 2], y: [0] }, { loss: 'logistic' });
  });
});

describe('evaluate and predict reject', () => {
  test('wrong data and options', async () => {
    const model = mlp();
    await expect(model.evaluate({ x: good.x, y: [0] })).rejects.toThrow('x has 12 rows');
    await expect(model.evaluate(good, { batchSize: 0 })).rejects.toThrow('batchSize');
    await expect(model.evaluate(good, { batch: 1 } as Any)).rejects.toThrow("unknown option 'batch'");
    await expect(model.predict(new Float32Array(3))).rejects.toThrow('x has 3 values');
    await expect(model.predict(undefined as Any)).rejects.toThrow('for x but received undefined');
    await expect(model.predict(good.x, { batchSize: 1.5 })).rejects.toThrow('batchSize');
    expect(await model.predict(good.x)).toHaveLength(36);
  });
});

describe('sequential throws', () => {
  const layers = [dense({ units: 3 })];
  const wrong: [string, Any, Any, new (...args: never[]) => Error, RegExp][] = [
    ['no options', undefined, layers, TypeError, /options/],
    ['an unknown option', { inputShape: [4], sed: 1 }, layers, TypeError, /did you mean 'seed'/],
    ['no inputShape', {}, layers, TypeError, /inputShape/],
    ['a size 0', { inputShape: [0] }, layers, RangeError, /sizes >= 1/],
    ['a size NaN', { inputShape: [Number.NaN] }, layers, RangeError, /sizes >= 1/],
    ['an empty shape', { inputShape: [] }, layers, RangeError, /sizes >= 1/],
    ['a negative seed', { inputShape: [4], seed: -1 }, layers, RangeError, /seed/],
    ['a name that is none', { inputShape: [4], name: 5 }, layers, TypeError, /name/],
    ['no layers', { inputShape: [4] }, undefined, TypeError, /an array of layers/],
    ['an empty list', { inputShape: [4] }, [], RangeError, /at least one layer/],
    ['what is no layer', { inputShape: [4] }, [dense({ units: 2 }), dense], TypeError, /layers\[1\]/],
    [
      'layers that do not fit',
      { inputShape: [4] },
      [conv2d({ filters: 2, kernelSize: 3 })],
      RangeError,
      /conv2d_1: .*\[4\]/,
    ],
    ['an unknown device', { inputShape: [4], device: 'gpu' }, layers, RangeError, /'cuda'/],
    [
      'an unknown precision',
      { inputShape: [4], precision: 'fp8' },
      layers,
      RangeError,
      /'fp32', 'strict', .* for precision but received "fp8"/,
    ],
    [
      'a precision that is none',
      { inputShape: [4], precision: 32 },
      layers,
      TypeError,
      /for precision but received 32/,
    ],
    ['threads 0', { inputShape: [4], threads: 0 }, layers, RangeError, /threads/],
    ['bf16 on the cpu', { inputShape: [4], device: 'cpu', precision: 'bf16' }, layers, RangeError, /'bf16' needs/],
    ['no number of a GPU', { inputShape: [4], device: 'cuda:x' }, layers, RangeError, /"cuda:x"/],
    ['float64 on the cpu', { inputShape: [4], device: 'cpu', precision: 'float64' }, layers, Error, /float64/],
  ];
  test.each(wrong)('on %s', (_, options, list, kind, message) => {
    expect(() => sequential(options, list)).toThrow(kind);
    expect(() => sequential(options, list)).toThrow(message);
  });

  test('on a GPU that is not there: ERR_NO_DEVICE', () => {
    const make = () => sequential({ inputShape: [4], device: 'cuda:63' }, layers);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_NO_DEVICE' }));
    expect(make).toThrow(/cuda:63/);
  });
});
