import { describe, expect, it } from 'vitest';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { accuracy } from '../../lib/graph/ops/accuracy.js';
import { add } from '../../lib/graph/ops/add.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { oneHot } from '../../lib/graph/ops/one-hot.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { reshape } from '../../lib/graph/ops/reshape.js';
import { fill, sum } from '../../lib/graph/ops/sum.js';
import { constant, input, parameter } from '../../lib/graph/tensor.js';
import { compute, type Feeds } from '../../lib/plan/compute.js';

const x = input('x', ['N', 2]);
const b = parameter('b', [2]);
const labels = input('labels', ['N'], 'i32');

describe('compute', () => {
  it('runs the example of its docstring', async () => {
    const [y] = await compute([relu(x)], [[x, [1, -2, -3, 4]]]);
    expect(y).toEqual(Float64Array.of(1, 0, 0, 4));
  });

  it('takes arrays, typed arrays and numbers, in a list or a Map, for inputs and parameters', async () => {
    const scalar = input('s', []);
    const y = add(sum(biasAdd(x, b)), scalar);
    const feeds = [
      [x, Float32Array.of(1, 2, 3, 4)],
      [b, Int32Array.of(10, 20)],
      [scalar, 0.5],
    ] as const;
    expect([...(await compute([y], feeds))[0]!]).toEqual([70.5]);
    expect([...(await compute([y], new Map<never, never>(feeds as never)))[0]!]).toEqual([70.5]);
  });

  it('gives several outputs, each once or more, views and sources too', async () => {
    const y = relu(x);
    const outputs = [y, y, reshape(y, ['N', 1, 2]), reshape(x, ['N', 2, 1]), x, b, constant([7, 8])];
    const values = await compute(outputs, [
      [x, [1, -2]],
      [b, [5, 6]],
    ]);
    expect(values.map((v) => [...v])).toEqual([
      [1, 0],
      [1, 0],
      [1, 0],
      [1, -2],
      [1, -2],
      [5, 6],
      [7, 8],
    ]);
  });

  it('gives float32 on a device of that precision, u16 for places', async () => {
    const images = input('images', ['N', 2, 2, 1]);
    const [y, argmax] = maxPool2d(images).node.outputs;
    const device = new ReferenceBackend('float32');
    const values = await compute([y!, argmax!], [[images, [0.1, 0.2, 0.7, 0.3]]], { device });
    expect(values).toEqual([Float32Array.of(0.7), Uint16Array.of(2)]);
  });

  it('works out the batch, takes it as an option, and is 1 without either', async () => {
    const ones = fill(['N', 2], 1);
    expect((await compute([ones], []))[0]).toHaveLength(2);
    expect((await compute([ones], [], { batch: 3 }))[0]).toHaveLength(6);
    expect((await compute([ones], [[x, [1, 2, 3, 4]]]))[0]).toHaveLength(4);
    expect((await compute([oneHot(labels, { classes: 3, off: -1 })], [[labels, [2, 0]]]))[0]).toEqual(
      Float64Array.of(-1, -1, 1, 1, -1, -1),
    );
  });

  it('is not disturbed by values of parameters that it does not need', async () => {
    const unused = parameter('unused', [2]);
    expect([
      ...(
        await compute(
          [biasAdd(x, b)],
          [
            [unused, [9, 9]],
            [x, [1, 2]],
            [b, [1, 1]],
          ],
        )
      )[0]!,
    ]).toEqual([2, 3]);
    expect([
      ...(
        await compute(
          [biasAdd(x, b)],
          [
            [x, [1, 2]],
            [b, [1, 1]],
            [unused, [9, 9]],
          ],
        )
      )[0]!,
    ]).toEqual([2, 3]);
  });

  describe('throws typed errors', () => {
    const y = accuracy(biasAdd(x, b), labels);
    const good = [
      [x, [1, 2, 3, 4]],
      [b, [1, 2]],
      [labels, [0, 1]],
    ] as const;
    const but = (i: number, values: unknown) => good.map((pair, j) => (i === j ? [pair[0], values] : pair)) as Feeds;
    const wrong: [string, Feeds, typeof TypeError | typeof RangeError, RegExp][] = [
      ['missing input', good.slice(1), TypeError, /the input 'x' \[N, 2\] but received undefined/],
      ['missing parameter', [good[0], good[2]], TypeError, /the parameter 'b' \[2\]/],
      ['too few for a parameter', but(1, [1]), RangeError, /the parameter 'b' \[2\] takes 2 values but received 1/],
      ['half an image', but(0, [1, 2, 3]), RangeError, /'x' \[N, 2\] takes 2 values an image but received 3/],
      ['different batches', but(2, [0, 1, 1]), RangeError, /'labels' \[N\] received 3 images where the batch has 2/],
      ['an empty batch', but(0, []), RangeError, /no image/],
      ['text', but(0, 'abcd'), TypeError, /array of numbers/],
      ['text in an array', but(0, [1, '2', 3, 4]), TypeError, /at 1.*"2"/],
      ['big integers', but(0, new BigInt64Array(4)), TypeError, /number/],
      ['half a label', but(2, [0.5, 1]), RangeError, /integer.*0\.5/],
      ['a label of NaN', but(2, [Number.NaN, 1]), RangeError, /integer.*NaN/],
      ['something that is no source', [...good, [y, [1, 1]]], TypeError, /inputs and parameters only/],
      ['no pairs', { x: [1] } as never, TypeError, /a Map or an array/],
    ];
    for (const [name, feeds, kind, message] of wrong)
      it(name, async () => {
        const result = compute([y], feeds);
        await expect(result).rejects.toThrow(kind);
        await expect(result).rejects.toThrow(message);
      });

    it('for options and outputs', async () => {
      await expect(compute([y], good, { batch: 3 })).rejects.toThrow(/2 images where the batch has 3/);
      await expect(compute([y], good, { batch: 0 })).rejects.toThrow(RangeError);
      await expect(compute([y], good, { bach: 3 } as never)).rejects.toThrow(/did you mean 'batch'/);
      await expect(compute([], good)).rejects.toThrow(/array of tensors/);
      await expect(compute(y as never, good)).rejects.toThrow(TypeError);
      await expect(compute([y], good)).resolves.toHaveLength(1);
    });
  });
});
