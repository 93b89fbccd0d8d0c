/** Every function and option of the public API with every kind of nonsense: it works, or an error says what was expected; nothing hangs or crashes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import * as steepest from '../lib/index.js';
import { temporaryFolder } from './helpers/temporary.js';

const { ops, schedules, SteepestError, sequential } = steepest;
// biome-ignore lint/suspicious/noExplicitAny: wrong on purpose
type Any = any;

const detached = new Float32Array(4);
structuredClone(detached, { transfer: [detached.buffer] });
const shrunk = new Float32Array(new (ArrayBuffer as Any)(16, { maxByteLength: 16 }), 0, 4);
(shrunk.buffer as Any).resize(2);
const thrown = new Error('of a getter');
const anger = () => {
  throw thrown;
};
const angry = new Proxy({}, { get: anger, has: anger, ownKeys: anger, getOwnPropertyDescriptor: anger });
const revoked = Proxy.revocable([], {});
revoked.revoke();
const circle: unknown[] = [];
circle.push(circle);

const NONSENSE: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  true: true,
  zero: 0,
  half: 0.5,
  negative: -1,
  NaN: Number.NaN,
  infinite: Number.POSITIVE_INFINITY,
  huge: 2 ** 53 - 1,
  word: 'x',
  big: 1n,
  symbol: Symbol('s'),
  object: {},
  bare: Object.create(null),
  list: [],
  lists: [[]],
  numbers: [1, 2, 3],
  holes: new Array(3),
  array: new Float32Array(3),
  shared: new Float32Array(new SharedArrayBuffer(12)),
  detached,
  shrunk,
  view: new DataView(new ArrayBuffer(8)),
  function: () => 1,
  angry,
  revoked: revoked.proxy,
  circle,
};
const names = Object.keys(NONSENSE);

/** What the engine says by itself, where nobody looked at the value before it was used. */
const UNSEEN =
  /^(Cannot|Invalid (typed )?array|Array buffer|Maximum call|Class constructor|undefined|null|.* is not (a function|iterable|a constructor|defined|an object))/;

/** What is wrong with how a call ended, or undefined. */
async function complaint(call: () => unknown): Promise<string | undefined> {
  try {
    const result = await call();
    if (typeof (result as Any)?.dispose === 'function') (result as Any).dispose();
    return undefined;
  } catch (error) {
    if (error === thrown || error instanceof SteepestError) return undefined;
    if (/on a proxy that has been revoked$/.test((error as Any).message)) return undefined;
    if (!(error instanceof Error)) return `threw ${String(error)}`;
    const code = String((error as Any).code ?? '');
    if (/^(ENOENT|EACCES|EISDIR|ERR_SHAPE|ABORT_ERR)$/.test(code)) return undefined;
    const typed = error instanceof TypeError || error instanceof RangeError;
    return typed && !UNSEEN.test(error.message) ? undefined : `${error.name}: ${error.message}`;
  }
}

/** Fails with all that is wrong at once. */
async function sweep(calls: Iterable<readonly [string, () => unknown]>): Promise<void> {
  const complaints: string[] = [];
  for (const [name, call] of calls) {
    const why = await complaint(call);
    if (why !== undefined) complaints.push(`${name}: ${why}`);
  }
  expect(complaints).toEqual([]);
}

const functions = (from: object) =>
  Object.entries(from).filter(
    (entry): entry is [string, (...args: unknown[]) => unknown] => typeof entry[1] === 'function',
  );
/** Slow where nothing is wrong, or no function of the API. */
const LEFT_OUT = ['SteepestError', 'Model', 'digits', 'initializerFrom', 'initializerConfig', 'scheduleFrom'];

/** What is right, and would go on for long. */
const TOO_LONG = ['fit epochs huge'].concat(
  ['newton-cg', 'lbfgs', 'gradient-descent'].map((method) => `minimize ${method} iterations huge`),
);

// Some nonsense is the name of a file to write.
const [home, folder] = [process.cwd(), temporaryFolder('hostile')];
beforeAll(() => process.chdir(folder));
afterAll(() => process.chdir(home));

describe('nonsense', () => {
  test('as the arguments of every function', () => {
    const all = [
      ...functions(steepest),
      ...functions(ops),
      ...functions(schedules),
      ...functions(steepest.initializers),
    ];
    return sweep(
      (function* () {
        for (const [name, f] of all)
          if (!LEFT_OUT.includes(name))
            for (const a of names)
              for (const b of names) yield [`${name}(${a}, ${b})`, () => f(NONSENSE[a], NONSENSE[b])] as const;
      })(),
    );
  });

  const x = ops.input('x', ['N', 4]);
  const w = ops.parameter('w', [4, 3]);
  const images = ops.input('images', ['N', 4, 4, 1]);
  const filter = ops.parameter('filter', [3, 3, 1, 2]);
  const mean = ops.mean(ops.sigmoid(ops.matmul(x, w)));
  const feeds = [
    [x, new Float32Array(8)],
    [w, new Float32Array(12).fill(0.1)],
  ] as Any;
  const data = {
    x: Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)),
    y: Int32Array.from({ length: 12 }, (_, i) => i % 3),
  };
  const small = () => sequential({ inputShape: [4], seed: 1, threads: 1 }, [steepest.dense({ units: 3 })]);
  const rows = {
    x: [
      [1, 0],
      [0, 1],
    ],
    y: [1, -1],
  };

  /** Calls that take options, with those they need. */
  const takers: Readonly<Record<string, [(options: Any) => unknown, object?]>> = {
    ...Object.fromEntries(
      [
        'conv2d',
        'dense',
        'zeroPadding2d',
        'maxPool2d',
        'averagePool2d',
        'stochasticPool2d',
        'batchNorm',
        'dropout',
        'flatten',
        'relu',
        'softmax',
      ].map((name) => [
        name,
        [
          (options: Any) => (steepest as Any)[name](options),
          name === 'conv2d' ? { filters: 2, kernelSize: 3 } : name === 'dense' ? { units: 3 } : {},
        ],
      ]),
    ),
    ...Object.fromEntries(
      [
        'sgd',
        'momentum',
        'nesterov',
        'adagrad',
        'rmsprop',
        'adam',
        'adamw',
        'hinge',
        'logistic',
        'squaredError',
        'softmaxCrossEntropy',
      ].map((name) => [name, [(options: Any) => (steepest as Any)[name](options)]]),
    ),
    ...Object.fromEntries(
      ['mlp', 'lenet', 'cnn4', 'vgg11', 'resnet18', 'mnistFast'].map((name) => [
        name,
        [(options: Any) => (steepest as Any)[name](options)],
      ]),
    ),
    step: [(o) => schedules.step(0.1, o), { every: 2, factor: 0.5 }],
    cosine: [(o) => schedules.cosine(0.1, o), { steps: 10 }],
    oneCycle: [(o) => schedules.oneCycle(0.1, o), { steps: 10 }],
    residual: [(o) => steepest.residual([steepest.relu()], o)],
    'ops.conv2d': [(o) => ops.conv2d(images, filter, o)],
    'ops.maxPool2d': [(o) => ops.maxPool2d(images, o), { pool: 2 }],
    'ops.dropout': [(o) => ops.dropout(x, o), { rate: 0.5 }],
    'ops.matmul': [(o) => ops.matmul(x, w, o)],
    'ops.hinge': [(o) => ops.hinge(x, x, o)],
    'ops.oneHot': [(o) => ops.oneHot(ops.input('labels', ['N'], 'i32'), o), { classes: 3 }],
    compute: [(o) => steepest.compute([mean], feeds, o)],
    gradCheck: [(o) => steepest.gradCheck(mean, [w], feeds, o), { samples: 2 }],
    digits: [(o) => steepest.digits(o), { count: 4 }],
    fitLinear: [(o) => steepest.fitLinear(rows as Any, o)],
    readLibsvm: [(o) => steepest.readLibsvm(new TextEncoder().encode('1 1:1'), o)],
    sequential: [(o) => sequential(o, [steepest.dense({ units: 3 })]), { inputShape: [4] }],
    plan: [(o) => small().plan(o)],
    fit: [(o) => small().fit(data, o), { epochs: 2 }],
    evaluate: [(o) => small().evaluate(data, o)],
    predict: [(o) => small().predict(data.x, o)],
    ...Object.fromEntries(
      ['newton-cg', 'lbfgs', 'gradient-descent'].map((method) => [
        `minimize ${method}`,
        [(o: Any) => small().minimize(data, o), { method, iterations: 2 }],
      ]),
    ),
  };

  /** The names that a call knows, from its error about one that it does not. */
  async function optionsOf(call: (options: Any) => unknown, base: object): Promise<string[]> {
    const error = await Promise.resolve()
      .then(() => call({ ...base, qqqqqqqqqqqqqqqq: 1 }))
      .then(
        () => undefined,
        (e: Error) => e,
      );
    const known = /known: (.*)$/.exec(error?.message ?? '')?.[1];
    if (error === undefined || known === undefined)
      throw new Error(`takes an option that there is not, or says so in another way: ${error?.message}`);
    return known.split(', ').filter((name) => name !== '');
  }

  test.each(Object.entries(takers))('as each option of %s', async (name, [call, base = {}]) => {
    const known = await optionsOf(call, base);
    expect(await complaint(() => call(base))).toBeUndefined();
    await sweep(
      (function* () {
        for (const option of known)
          for (const value of names)
            if (!TOO_LONG.includes(`${name} ${option} ${value}`))
              yield [`${name}({ ${option}: ${value} })`, () => call({ ...base, [option]: NONSENSE[value] })] as const;
        for (const value of names) yield [`${name}(${value})`, () => call(NONSENSE[value])] as const;
      })(),
    );
  });

  test("as data, and as the arguments of a model's methods; the model then still works", async () => {
    const model = small();
    const methods = ['fit', 'minimize', 'evaluate', 'predict', 'predictClasses', 'setWeights', 'plan'] as const;
    await sweep(
      (function* () {
        for (const method of methods)
          for (const a of names) {
            yield [`${method}(${a})`, () => (model as Any)[method](NONSENSE[a])] as const;
            for (const key of ['x', 'y'])
              yield [
                `${method}({ ${key}: ${a} })`,
                () => (model as Any)[method]({ ...data, [key]: NONSENSE[a] }),
              ] as const;
            yield [`${method}([${a}])`, () => (model as Any)[method]([NONSENSE[a]])] as const;
            yield [`${method}(() => ${a})`, () => (model as Any)[method](() => NONSENSE[a])] as const;
          }
      })(),
    );
    expect((await model.fit(data, { epochs: 1 })).epochs).toHaveLength(1);
    model.dispose();
    for (const method of methods)
      expect(
        await Promise.resolve()
          .then(() => (model as Any)[method](data))
          .catch((e: Any) => e.code),
      ).toBe('ERR_DISPOSED');
  });
});
