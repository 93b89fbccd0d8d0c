/** Single kernels by name: the checks of their arguments, and the same result on every backend. */
import { describe, expect, test } from 'vitest';
import { callKernel, checkCall, kernels } from '../../lib/backends/call.js';
import { kernelNames } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { loadBinding } from '../../lib/binding.js';

const noCpu = loadBinding().binding === undefined;
const gemm = () => ({
  a: Float32Array.of(1, 2, 3, 4),
  b: Float32Array.of(5, 6, 7, 8),
  c: new Float32Array(4),
  m: 2,
  n: 2,
  k: 2,
  transposeA: 0,
  transposeB: 0,
  accumulate: 0,
  relu: 0,
});
const conv = () => ({
  x: new Float32Array(9).fill(1),
  filter: new Float32Array(4).fill(1),
  y: new Float32Array(4),
  n: 1,
  h: 3,
  w: 3,
  c: 1,
  k: 1,
  r: 2,
  s: 2,
  stride: 1,
  padding: 0,
  relu: 0,
  pool: 0,
  tile: 0,
  poolStride: 0,
});

describe.each(['reference', 'cpu'] as const)('kernels.%s', (device) => {
  describe.skipIf(device === 'cpu' && noCpu)('is there', () => {
    test('has every kernel', () => {
      expect(Object.keys(kernels[device])).toEqual(kernelNames);
    });

    test('computes', () => {
      const args = gemm();
      kernels[device].gemm(args);
      expect([...args.c]).toEqual([19, 22, 43, 50]);
      const image = conv();
      kernels[device].conv2d_forward(image);
      expect([...image.y]).toEqual([4, 4, 4, 4]);
    });

    test('names kernel, argument, expected and received', () => {
      expect(() => kernels[device].gemm({ ...gemm(), c: new Float32Array(3) })).toThrow(
        `${device}.gemm: expected at least 4 elements for c but received 3`,
      );
      expect(() => kernels[device].gemm({ ...gemm(), m: -1 })).toThrow(
        `${device}.gemm: expected an integer >= 0 for m but received -1`,
      );
    });

    test('refuses sizes that keep it busy, or ask for memory, though its arrays are small or empty', () => {
      const { conv2d_forward, conv2d_backward_input, conv2d_backward_filter } = kernels[device];
      const [one, none, side] = [new Float32Array(1), new Float32Array(0), 2 ** 20];
      const wide = { ...conv(), h: 1, w: 1, r: side, s: side, padding: side / 2, x: none, filter: none };
      const { x: _, y: __, relu, ...backward } = wide;
      const dx = { ...backward, dy: none, dx: one };
      const { filter, ...dw } = { ...backward, x: one, dy: one, dw: one };
      for (const call of [
        () => conv2d_forward({ ...wide, c: 0 }),
        () => conv2d_forward({ ...wide, h: 0, w: side, r: 1, s: 1, padding: 1, stride: 2 * side, c: 99, filter: one }),
        () => conv2d_forward({ ...wide, x: one, filter: one, r: 1, s: 1, padding: side, stride: 2 * side }),
        () => conv2d_forward({ ...wide, x: one, filter: one, r: 1, s: 1, padding: side, pool: side, poolStride: side }),
        () => conv2d_backward_input({ ...dx, k: 0 }),
        () => conv2d_backward_input({ ...dx, filter: one, r: 1, s: 1, padding: side, stride: 2 * side }),
        () => conv2d_backward_filter({ ...dw, r: 1, s: 1, padding: side, stride: 2 * side }),
      ])
        expect(call).toThrow(/sizes that fit each other/);
      expect(() => conv2d_forward({ ...conv(), padding: 129 })).toThrow(/padding <= paddable/);
    });

    test('does nothing where all outputs are empty', () => {
      const [none, most] = [new Float32Array(0), 2 ** 52];
      kernels[device].softmax_forward({ x: none, y: none, rows: most, k: 0 });
      const images = { n: 0, h: 2 ** 24, w: 2 ** 24, c: 9, pool: 2 ** 24, stride: 1 };
      kernels[device].max_pool2d_forward({ ...images, x: none, y: none, argmax: new Uint16Array(0) });
    });

    test('takes a number of arrays larger than needed, and offset views', () => {
      const c = new Float32Array(7).fill(9);
      kernels[device].gemm({ ...gemm(), c: c.subarray(1, 6) });
      expect([...c]).toEqual([9, 19, 22, 43, 50, 9, 9]);
    });
  });
});

describe('checkCall', () => {
  const check = (change: object) => () => checkCall('gemm', 'gemm', { ...gemm(), ...change });
  test('wrong kinds are TypeErrors', () => {
    for (const change of [
      { a: [1, 2, 3, 4] },
      { a: undefined },
      { a: new Float64Array(4) },
      { a: new Int32Array(4) },
      { a: new ArrayBuffer(16) },
      { a: new DataView(new ArrayBuffer(16)) },
      { bias: null },
      { bias: new Uint8Array(2) },
      { m: '2' },
      { m: undefined },
      { m: 2n },
      { relu: true },
    ])
      expect(check(change), JSON.stringify(Object.keys(change))).toThrow(TypeError);
    for (const args of [undefined, null, 1, [], new Float32Array(4)])
      expect(() => checkCall('gemm', 'gemm', args)).toThrow(TypeError);
  });

  test('wrong numbers are RangeErrors', () => {
    for (const m of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) expect(check({ m })).toThrow(RangeError);
    expect(check({ m: 2 ** 40, k: 2 ** 40 })).toThrow(/sizes that fit each other/);
    const x = new Float32Array(1);
    expect(() => checkCall('scale', 'scale_forward', { x, y: x, n: 1, factor: Number.NaN })).toThrow(RangeError);
    expect(() => checkCall('scale', 'scale_forward', { x, y: x, n: 1, factor: '2' })).toThrow(TypeError);
  });

  test('sizes that make no sense, and arrays too short', () => {
    const conv2d = (change: object) => () => checkCall('conv', 'conv2d_forward', { ...conv(), ...change });
    expect(conv2d({ r: 4 })).toThrow(RangeError);
    expect(conv2d({ stride: 0 })).toThrow(/sizes that fit each other.*stride = 0/);
    expect(conv2d({ pool: 3, poolStride: 1 })).toThrow(RangeError);
    expect(conv2d({ y: new Float32Array(3) })).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    expect(conv2d({ argmax: new Uint16Array(3) })).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
    expect(conv2d({ pool: 2, poolStride: 2, argmax: new Uint16Array(1) })).not.toThrow();
  });

  test('unknown names are told with the nearest', () => {
    expect(check({ transposA: 1 })).toThrow(/unknown argument 'transposA' \(did you mean 'transposeA'\?\)/);
    expect(() => checkCall('call', 'gem' as 'gemm', gemm())).toThrow(/unknown kernel 'gem' \(did you mean 'gemm'\?\)/);
    expect(() => checkCall('call', 'toString' as 'gemm', gemm())).toThrow(RangeError);
    expect(() => checkCall('call', 5 as unknown as 'gemm', gemm())).toThrow(TypeError);
  });

  test('detached buffers', () => {
    const a = new Float32Array(4);
    structuredClone(a, { transfer: [a.buffer] });
    expect(check({ a })).toThrow(/detached/);
    expect(() => checkCall('relu', 'relu_forward', { x: a, y: a, n: 0 })).toThrow(/detached/);
    expect(() =>
      checkCall('relu', 'relu_forward', { x: new Float32Array(0), y: new Float32Array(0), n: 0 }),
    ).not.toThrow();
  });

  test('float64 on the reference alone, and not mixed', () => {
    const doubles = { a: Float64Array.of(1, 2, 3, 4), b: Float64Array.of(5, 6, 7, 8), c: new Float64Array(4) };
    const args = { ...gemm(), ...doubles };
    callKernel(new ReferenceBackend('float64'), 'gemm', args);
    expect([...args.c]).toEqual([19, 22, 43, 50]);
    expect(() => kernels.reference.gemm({ ...gemm(), a: doubles.a })).toThrow(/of one type/);
    if (!noCpu) expect(() => kernels.cpu.gemm(args)).toThrow(TypeError);
  });
});
