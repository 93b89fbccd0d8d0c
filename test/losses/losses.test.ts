import { describe, expect, it } from 'vitest';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten } from '../../lib/graph/ops/reshape.js';
import { sigmoid } from '../../lib/graph/ops/sigmoid.js';
import { softmax } from '../../lib/graph/ops/softmax.js';
import { input, type Tensor } from '../../lib/graph/tensor.js';
import { hinge } from '../../lib/losses/hinge.js';
import { logistic } from '../../lib/losses/logistic.js';
import type { Loss, LossName } from '../../lib/losses/loss.js';
import { losses, lossFrom, lossNames } from '../../lib/losses/registry.js';
import { softmaxCrossEntropy } from '../../lib/losses/softmax-cross-entropy.js';
import { squaredError } from '../../lib/losses/squared-error.js';
import { evaluate } from '../layers/evaluate.js';

/** Loss of each row of z [N, k] for classes. `end`: what the network ends with. */
function ofClasses(loss: Loss, k: number, z: number[], classes: number[], end = (x: Tensor) => x): number[] {
  const [x, labels] = [input('x', ['N', k]), input('labels', ['N'], 'i32')];
  const value = loss.apply(end(x), labels);
  expect(value.shape).toEqual(['N']);
  const feed = new Map<Tensor, number[]>([
    [x, z],
    [labels, classes],
  ]);
  return evaluate(value, classes.length, feed);
}

/** Loss of one row for targets given as numbers. */
function ofNumbers(loss: Loss, z: number[], t: number[], shape = [z.length]): number {
  const [x, target] = [input('x', ['N', ...shape]), input('t', ['N', ...shape])];
  const feed = new Map<Tensor, number[]>([
    [x, z],
    [target, t],
  ]);
  return evaluate(loss.apply(x, target), 1, feed)[0]!;
}

const log1pexp = (x: number) => Math.log(1 + Math.exp(x));

describe('numbers', () => {
  it('squaredError: the whole sum, one-hot targets of 0 and 1', () => {
    expect(ofClasses(squaredError(), 3, [1, 2, 3, 0, 0, 0], [1, 2])).toEqual([1 + 1 + 9, 1]);
    expect(ofNumbers(squaredError(), [1, 2], [0.5, 4])).toBe(4.25);
    expect(ofNumbers(squaredError(), [1, 2, 3, 4], [1, 2, 3, 6], [2, 2, 1])).toBe(4); // images
  });

  it('softmaxCrossEntropy: log of the sum less the score', () => {
    const [a, b] = ofClasses(softmaxCrossEntropy(), 3, [1, 2, 3, 0, 0, 0], [2, 0]);
    expect(a).toBeCloseTo(Math.log(Math.E + Math.E ** 2 + Math.E ** 3) - 3, 12);
    expect(b).toBeCloseTo(Math.log(3), 12);
  });

  it('hinge: +1 at the class, -1 elsewhere', () => {
    expect(ofClasses(hinge(), 3, [0.25, 0.5, -3], [0])).toEqual([0.75 + 1.5 + 0]);
    expect(ofClasses(hinge({ squared: true }), 3, [0.25, 0.5, -3], [0])).toEqual([0.75 ** 2 + 1.5 ** 2]);
    expect(ofNumbers(hinge(), [0.25, 2], [-1, 1])).toBe(1.25);
  });

  it('logistic: stable far out', () => {
    const [value] = ofClasses(logistic(), 2, [1, 2], [0]);
    expect(value).toBeCloseTo(log1pexp(-1) + log1pexp(2), 12);
    expect(ofNumbers(logistic(), [-1000], [1])).toBe(1000);
  });

  it('one output: class 0 is the lower target, class 1 the higher', () => {
    expect(ofClasses(squaredError(), 1, [0.25, 0.25], [0, 1])).toEqual([0.0625, 0.5625]);
    expect(ofClasses(hinge(), 1, [0.25, 0.25], [0, 1])).toEqual([1.25, 0.75]);
    const [no, yes] = ofClasses(logistic(), 1, [2, 2], [0, 1]);
    expect(no).toBeCloseTo(log1pexp(2), 12);
    expect(yes).toBeCloseTo(log1pexp(-2), 12);
  });

  it.each(Object.keys(losses) as LossName[])('%s: a class out of range gives NaN there and nowhere else', (name) => {
    for (const k of name === 'softmaxCrossEntropy' ? [2] : [1, 2]) {
      const values = ofClasses(lossFrom(name), k, new Array(4 * k).fill(0), [-1, 0, 1, 2]);
      expect(values.map(Number.isNaN)).toEqual([true, false, false, true]);
    }
  });
});

describe('a final softmax or sigmoid', () => {
  it('is looked through by softmaxCrossEntropy', () => {
    const scores = [500, -500, 0, 1];
    const plain = ofClasses(softmaxCrossEntropy(), 2, scores, [1, 0]);
    expect(plain[0]).toBe(1000); // from probabilities it would be infinite
    expect(ofClasses(softmaxCrossEntropy(), 2, scores, [1, 0], (x) => softmax(x))).toEqual(plain);
  });

  it('is looked through by logistic, which then splits the classes at 1/2', () => {
    const plain = ofClasses(logistic(), 1, [800, -800], [0, 1]);
    expect(plain).toEqual([800, 800]);
    expect(ofClasses(logistic(), 1, [800, -800], [0, 1], (x) => sigmoid(x))).toEqual(plain);
    const x = input('x', ['N', 1]);
    expect(logistic().threshold(x)).toBe(0);
    expect(logistic().threshold(sigmoid(x))).toBe(0.5);
  });

  it('stays where it is part of the function: squaredError, relu, softmax over a part of the outputs', () => {
    const [value] = ofClasses(squaredError(), 2, [0, 0], [0], (x) => softmax(x));
    expect(value).toBe(0.5);
    expect(ofClasses(softmaxCrossEntropy(), 2, [-1, -2], [0], (x) => relu(x))[0]).toBeCloseTo(Math.log(2), 12);
    const [images, labels] = [input('x', ['N', 1, 2, 2]), input('labels', ['N'], 'i32')];
    const feed = new Map<Tensor, number[]>([
      [images, [0, 0, 1, 0]],
      [labels, [3]],
    ]);
    const loss = softmaxCrossEntropy().apply(flatten(softmax(images)), labels);
    const [p, q] = [1 / (1 + Math.exp(-1)), 1 / (1 + Math.E)];
    const expected = Math.log(2 * Math.exp(0.5) + Math.exp(p) + Math.exp(q)) - q;
    expect(evaluate(loss, 1, feed)[0]).toBeCloseTo(expected, 12);
  });

  it('is found beneath a reshape where it covers all classes', () => {
    const [images, labels] = [input('x', ['N', 1, 1, 2]), input('labels', ['N'], 'i32')];
    const feed = new Map<Tensor, number[]>([
      [images, [900, 0]],
      [labels, [1]],
    ]);
    expect(evaluate(softmaxCrossEntropy().apply(flatten(softmax(images)), labels), 1, feed)).toEqual([900]);
  });
});

describe('what does not fit', () => {
  const shape = expect.objectContaining({ code: 'ERR_SHAPE' });
  const labels = input('labels', ['N'], 'i32');

  it('names the loss or the label given, and both shapes', () => {
    const z = input('z', ['N', 3]);
    const apply = () => hinge().apply(z, input('t', ['N', 2]), { label: 'objective' });
    expect(apply).toThrow(shape);
    expect(apply).toThrow(/^objective: .*\[N, 3\].*\[N, 2\]/);
    expect(() => softmaxCrossEntropy().apply(input('z', ['N', 1]), labels)).toThrow(
      /^softmaxCrossEntropy: .*\[N, 1\].*'logistic'/,
    );
    expect(() => softmaxCrossEntropy().apply(input('z', ['N', 2, 2]), labels)).toThrow(shape);
    expect(() => softmaxCrossEntropy().apply(z, input('t', ['N', 3]))).toThrow(/classes \(i32\).*real.*\[N, 3\]/);
    expect(() => squaredError().apply(z, input('labels', ['N', 3], 'i32'))).toThrow(shape);
  });

  it('refuses unknown options and names, with the nearest', () => {
    expect(() => hinge({ square: true } as never)).toThrow(
      /^hinge: unknown option 'square' \(did you mean 'squared'\?\)/,
    );
    expect(() => hinge({ squared: 1 } as never)).toThrow(TypeError);
    expect(() => squaredError({ half: true } as never)).toThrow(TypeError);
    expect(() => lossFrom('squaredEror' as never)).toThrow(/did you mean 'squaredError'/);
    expect(() => lossFrom(3 as never)).toThrow(TypeError);
    expect(() => lossFrom(hinge(), { squared: true })).toThrow(TypeError);
  });
});

it('losses are found by name and passed through', () => {
  for (const name of lossNames) expect(Object.keys(losses)).toContain(lossFrom(name).name);
  for (const name of Object.keys(losses) as LossName[]) expect(lossFrom(name).name).toBe(name);
  expect(lossFrom('crossEntropy').name).toBe('softmaxCrossEntropy');
  expect(lossFrom('squaredHinge').options).toEqual({ squared: true });
  expect(lossFrom('hinge', { squared: true }).options).toEqual({ squared: true });
  const own = logistic();
  expect(lossFrom(own)).toBe(own);
});
