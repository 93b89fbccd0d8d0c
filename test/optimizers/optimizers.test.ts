import { describe, expect, it } from 'vitest';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { referenceKernels } from '../../lib/backends/reference/index.js';
import type { Optimizer } from '../../lib/optimizers/optimizer.js';
import { optimizerFrom, optimizerNames, optimizers } from '../../lib/optimizers/registry.js';
import { constant, inverseSqrt } from '../../lib/optimizers/schedules.js';

/** Runs an optimizer on one parameter by its reference kernel: theta after each of the gradients. */
function path(optimizer: Optimizer, theta: number, gradients: readonly number[]): number[] {
  const buffers: Record<string, Float64Array> = { theta: Float64Array.of(theta), g: new Float64Array(1) };
  for (const name of optimizer.stateBuffers) buffers[name] = new Float64Array(1);
  return gradients.map((g, t) => {
    buffers.g![0] = g;
    const numbers = {
      n: 1,
      t: t + 1,
      learningRate: optimizer.learningRate.at(t),
      regularizer: 0,
      ...optimizer.reals(),
    };
    (referenceKernels[optimizer.kernel] as (args: unknown) => void)({ ...buffers, ...numbers });
    return buffers.theta![0]!;
  });
}

describe.each(optimizerNames)('%s', (name) => {
  const optimizer = optimizerFrom(name);

  it('fits its kernel: state, step count, numbers', () => {
    const spec = kernelSpecs[optimizer.kernel];
    const state = spec.buffers.filter((b) => b.role === 'inout' && b.name !== 'theta').map((b) => b.name);
    expect(optimizer.stateBuffers).toEqual(state);
    expect(optimizer.usesStep).toBe(spec.ints.includes('t'));
    const fixed = spec.reals.filter((r) => r !== 'learningRate' && r !== 'regularizer');
    expect(Object.keys(optimizer.reals()).sort()).toEqual([...fixed].sort());
  });

  it('is made anew from its name and its options as JSON', () => {
    const own = optimizerFrom(name, { learningRate: inverseSqrt(0.25), weightDecay: 0.125 });
    const again = optimizerFrom(name, JSON.parse(JSON.stringify(own.options)));
    expect(again.options).toEqual(own.options);
    expect(again.reals()).toEqual(own.reals());
    expect(again.learningRate.at(3)).toBe(0.125);
    expect(again.reals().weightDecay).toBe(0.125);
  });

  it('refuses what makes no sense, by name', () => {
    expect(() => optimizerFrom(name, { learningRate: -1 })).toThrow(new RegExp(`^${name}: .*learningRate.*-1`));
    expect(() => optimizerFrom(name, { weightDecay: Number.NaN })).toThrow(RangeError);
    expect(() => optimizerFrom(name, { lerningRate: 1 })).toThrow(/did you mean 'learningRate'/);
    expect(() => optimizerFrom(name, { weightDecay: '0' })).toThrow(TypeError);
    for (const key of ['momentum', 'decay', 'beta1', 'beta2'])
      if (key in optimizer.reals()) expect(() => optimizerFrom(name, { [key]: 1 })).toThrow(RangeError);
    if ('delta' in optimizer.reals()) expect(() => optimizerFrom(name, { delta: 0 })).toThrow(RangeError);
  });
});

describe('numbers after several steps, worked by hand', () => {
  it('sgd, with a schedule', () => {
    const [a, b] = path(optimizers.sgd({ learningRate: inverseSqrt(1) }), 5, [1, 2]);
    expect(a).toBe(4);
    expect(b).toBeCloseTo(4 - 2 / Math.SQRT2, 12);
  });

  it('momentum: v = -1, -1.5, -1.75', () => {
    expect(path(optimizers.momentum({ learningRate: 1, momentum: 0.5 }), 8, [1, 1, 1])).toEqual([7, 5.5, 3.75]);
  });

  it('nesterov: looks half a step further', () => {
    expect(path(optimizers.nesterov({ learningRate: 1, momentum: 0.5 }), 8, [1, 1])).toEqual([6.5, 4.75]);
  });

  it('adagrad: r = 9, 25', () => {
    const [a, b] = path(optimizers.adagrad({ learningRate: 1 }), 5, [3, 4]);
    expect(a).toBeCloseTo(4, 6);
    expect(b).toBeCloseTo(3.2, 6);
  });

  it('rmsprop: r = 8, 12', () => {
    const [a, b] = path(optimizers.rmsprop({ learningRate: 1, decay: 0.5 }), 0, [4, 4]);
    expect(a).toBeCloseTo(-4 / Math.sqrt(8), 6);
    expect(b).toBeCloseTo(-4 / Math.sqrt(8) - 4 / Math.sqrt(12), 6);
  });

  it('adam: bias correction makes equal gradients equal steps', () => {
    const [a, b, c] = path(optimizers.adam({ learningRate: 0.5 }), 2, [3, 3, 3]);
    expect(a).toBeCloseTo(1.5, 7);
    expect(b).toBeCloseTo(1, 7);
    expect(c).toBeCloseTo(0.5, 7);
  });

  it('adamw: the decay stands apart from the adaptive step', () => {
    const [a] = path(optimizers.adamw({ learningRate: 0.5, weightDecay: 0.1 }), 2, [3]);
    expect(a).toBeCloseTo(2 - 0.5 - 0.5 * 0.1 * 2, 7);
  });
});

it('defaults', () => {
  const defaults = Object.fromEntries(
    optimizerNames.map((name) => [
      name,
      { learningRate: optimizerFrom(name).learningRate.at(0), ...optimizerFrom(name).reals() },
    ]),
  );
  expect(defaults).toEqual({
    sgd: { learningRate: 0.01, weightDecay: 0 },
    momentum: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 },
    nesterov: { learningRate: 0.01, weightDecay: 0, momentum: 0.9 },
    adagrad: { learningRate: 0.01, weightDecay: 0, delta: 1e-7 },
    rmsprop: { learningRate: 0.001, weightDecay: 0, decay: 0.9, delta: 1e-7 },
    adam: { learningRate: 0.001, weightDecay: 0, beta1: 0.9, beta2: 0.999, delta: 1e-8 },
    adamw: { learningRate: 0.001, weightDecay: 0.01, beta1: 0.9, beta2: 0.999, delta: 1e-8 },
  });
});

it('optimizers are found by name and passed through', () => {
  const own = optimizers.adam({ learningRate: constant(0.1) });
  expect(optimizerFrom(own)).toBe(own);
  expect(() => optimizerFrom(own, { learningRate: 1 })).toThrow(TypeError);
  expect(() => optimizerFrom('adm' as never)).toThrow(/did you mean 'adam'/);
  expect(() => optimizerFrom(undefined as never)).toThrow(TypeError);
});
