/** The addon trusts nobody: thousands of calls with hostile values, none of which may do more than throw. */
import { describe, expect, test } from 'vitest';
import { kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { loadBinding } from '../../lib/binding.js';
import { uniform } from '../../lib/random.js';

const { binding } = loadBinding();
type Hostile = (...args: unknown[]) => unknown;

describe.skipIf(binding === undefined)('runKernel', () => {
  const run = binding?.runKernel as unknown as Hostile;
  const relu = kernelNames.indexOf('relu_forward');
  const x = Float32Array.of(-1, 2, Number.NaN);
  const none = new Float64Array(0);

  test('runs a kernel', () => {
    const y = new Float32Array(3);
    run(relu, [x, y], Float64Array.of(3), none, 2);
    expect([...y]).toEqual([0, 2, Number.NaN]);
  });

  test('refuses wrong kinds, lengths and numbers', () => {
    const y = new Float32Array(3);
    const n = Float64Array.of(3);
    for (const [args, kind] of [
      [[-1, [x, y], n, none, 1], RangeError],
      [[kernelNames.length, [x, y], n, none, 1], RangeError],
      [[Number.NaN, [x, y], n, none, 1], RangeError],
      [['relu_forward', [x, y], n, none, 1], TypeError],
      [[relu, x, n, none, 1], TypeError],
      [[relu, [x], n, none, 1], TypeError],
      [[relu, [x, [0, 0, 0]], n, none, 1], TypeError],
      [[relu, [x, new Float64Array(3)], n, none, 1], TypeError],
      [[relu, [x, new Int32Array(3)], n, none, 1], TypeError],
      [[relu, [x, new Float32Array(2)], n, none, 1], RangeError],
      [[relu, [x, y], Float64Array.of(-1), none, 1], RangeError],
      [[relu, [x, y], Float64Array.of(1.5), none, 1], RangeError],
      [[relu, [x, y], Float64Array.of(Number.NaN), none, 1], RangeError],
      [[relu, [x, y], Float64Array.of(2 ** 53), none, 1], RangeError],
      [[relu, [x, y], Float64Array.of(3, 3), none, 1], RangeError],
      [[relu, [x, y], [3], none, 1], TypeError],
      [[relu, [x, y], n, Float64Array.of(1), 1], RangeError],
      [[relu, [x, y], n, none, -1], RangeError],
      [[relu, [x, y], n, none, 1e9], RangeError],
      [[relu, [x, y], n, none], TypeError],
      [[], TypeError],
    ] as [unknown[], ErrorConstructor][])
      expect(() => run(...args), String(args)).toThrow(kind);
    expect([...y]).toEqual([0, 0, 0]);
  });

  test('refuses detached buffers, also one that an element of the list detaches while it is read', () => {
    const y = new Float32Array(3);
    structuredClone(y, { transfer: [y.buffer] });
    expect(() => run(relu, [x, y], Float64Array.of(3), none, 1)).toThrow(/detached/);
    const z = new Float32Array(3);
    const list = [x.slice(), z];
    const first = list[0];
    Object.defineProperty(list, 0, {
      get: () => {
        structuredClone(z, { transfer: [z.buffer] });
        return first;
      },
    });
    expect(() => run(relu, list, Float64Array.of(3), none, 1)).toThrow(/detached/);
    const throws = [x, y];
    Object.defineProperty(throws, 1, {
      get: () => {
        throw new Error('mine');
      },
    });
    expect(() => run(relu, throws, Float64Array.of(3), none, 1)).toThrow('mine');
  });

  test('survives thousands of hostile calls', () => {
    let drawn = 0;
    const draw = (n: number) => Math.floor(n * uniform(1, 0, 0, drawn++));
    const pick = <T>(values: readonly T[]): T => values[draw(values.length)]!;
    const numbers = [
      0,
      1,
      1,
      2,
      2,
      3,
      5,
      7,
      16,
      33,
      -1,
      0.5,
      1e5,
      2 ** 31,
      2 ** 53,
      Number.NaN,
      Number.POSITIVE_INFINITY,
    ];
    const gone = new Float32Array(8);
    structuredClone(gone, { transfer: [gone.buffer] });
    const types = { real: Float32Array, i32: Int32Array, u16: Uint16Array, u8: Uint8Array };
    let ran = 0;
    for (let round = 0; round < 6000; round++) {
      const kernel = draw(kernelNames.length);
      const { buffers, ints, reals } = kernelSpecs[kernelNames[kernel]!];
      const sane = draw(3) > 0;
      const arrays = buffers.map(({ type }) => {
        if (draw(sane ? 1000 : 6) === 0)
          return pick([undefined, null, 1, {}, gone, new Float64Array(4), 'x', new DataView(new ArrayBuffer(8))]);
        const values = new types[type](sane ? 5000 : pick([0, 1, 7, 100, 5000]));
        for (let i = 0; i < values.length; i += 13) values[i] = pick([0, 1, -5, 1e9, Number.NaN]);
        return values;
      });
      const whole = Float64Array.from(ints, () => (sane ? draw(5) : pick(numbers)));
      const real = Float64Array.from(reals, () => pick(numbers));
      try {
        run(kernel, arrays, whole, real, pick([0, 1, 2, 3]));
        ran++;
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }
    expect(ran).toBeGreaterThan(500);
    expect(ran).toBeLessThan(5500);
  });

  test('every function survives any arguments', () => {
    const values = [undefined, null, -1, Number.NaN, 'x', {}, [], [[]], new Float64Array(3), Symbol('s'), 1n, () => 1];
    const harmless = Object.entries(binding!).filter(([name]) => name !== 'ceiling' && name !== 'selectIsa');
    for (const [, f] of harmless)
      for (const a of values)
        for (const b of values)
          for (const c of values)
            try {
              (f as Hostile)(a, b, c, a, b, c, a);
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
            }
    expect(binding!.selectIsa('avx1024')).toBe(false);
    expect(() => (binding!.selectIsa as Hostile)(3)).toThrow(TypeError);
  });
});
