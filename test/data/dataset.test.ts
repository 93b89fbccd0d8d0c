import { describe, expect, test } from 'vitest';
import { isStream, readExamples, readInputs, readTargets, sliceExamples } from '../../lib/data/dataset.js';

describe('inputs', () => {
  test('of float32, float64 and bytes are taken as they are', () => {
    for (const x of [new Float32Array(6), new Float64Array(6), new Uint8Array(6)]) {
      const { rows, values } = readInputs('test', x, [3]);
      expect(rows).toBe(2);
      expect(values.buffer).toBe(x.buffer);
    }
    expect(readInputs('test', new Uint8Array(6), [3]).kind).toBe('u8');
    const canvas = Uint8ClampedArray.of(0, 1, 255);
    const { kind, values } = readInputs('test', canvas.subarray(1), [2]);
    expect([kind, ...values]).toEqual(['u8', 1, 255]);
  });

  test('of other whole numbers become float32', () => {
    const { kind, values } = readInputs('test', Int16Array.of(-300, 2), [2]);
    expect(kind).toBe('real');
    expect(values).toEqual(Float32Array.of(-300, 2));
  });

  test('may be nested, or rows of typed arrays', () => {
    const image = [
      [[1], [2]],
      [[3], [4]],
    ];
    const { rows, values } = readInputs('test', [image, image], [2, 2, 1]);
    expect(rows).toBe(2);
    expect([...values]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
    expect([...readInputs('test', [Float32Array.of(1, 2), [3, 4]], [2]).values]).toEqual([1, 2, 3, 4]);
    expect(readInputs('test', [1, 2, 3, 4], [2]).rows).toBe(2);
  });

  test('may hold NaN and infinities', () => {
    expect(readInputs('test', [Number.NaN, Number.POSITIVE_INFINITY], [1]).rows).toBe(2);
  });

  test('have a whole number of rows', () => {
    expect(() => readInputs('test', new Float32Array(5), [2])).toThrow(expect.objectContaining({ code: 'ERR_SHAPE' }));
  });
});

describe('targets', () => {
  const shape = (outputs: number, targets: 'classes' | 'signs' | 'numbers') => ({ inputShape: [1], outputs, targets });

  test('of whole numbers are labels', () => {
    const labels = Int32Array.of(2, 0);
    expect(readTargets('test', labels, 2, shape(3, 'classes')).labels).toBe(labels);
    for (const y of [Uint8Array.of(2, 0), [2, 0]])
      expect(readTargets('test', y, 2, shape(3, 'signs'))).toEqual({ labels });
  });

  test('of reals are targets, and labels where they spell them', () => {
    const oneHot = Float32Array.of(0, 1, 1, 0);
    expect(readTargets('test', oneHot, 2, shape(2, 'numbers'))).toEqual({
      values: oneHot,
      labels: Int32Array.of(1, 0),
    });
    const signs = [
      [-1, 1],
      [1, -1],
    ];
    expect(readTargets('test', signs, 2, shape(2, 'signs')).labels).toEqual(Int32Array.of(1, 0));
    for (const y of [
      [0, 0],
      [1, 1],
      [0.5, 1],
      [0, -1],
      [2, 1],
    ])
      expect(readTargets('test', [y], 1, shape(2, 'numbers'))).not.toHaveProperty('labels');
    expect(
      readTargets(
        'test',
        [
          [0, 1],
          [-1, 1],
        ],
        2,
        shape(2, 'numbers'),
      ),
    ).not.toHaveProperty('labels');
  });

  test('of one output are labels 0 and 1, signs where the loss takes them, else numbers', () => {
    const labels = Int32Array.of(0, 1);
    expect(readTargets('test', [0, 1], 2, shape(1, 'numbers'))).toEqual({ labels });
    expect(readTargets('test', [-1, 1], 2, shape(1, 'signs'))).toEqual({ labels });
    expect(readTargets('test', [-1, 1], 2, shape(1, 'numbers'))).toEqual({ values: Float64Array.of(-1, 1) });
    expect(readTargets('test', [3, 0.5], 2, shape(1, 'numbers'))).toEqual({ values: Float64Array.of(3, 0.5) });
    expect(() => readTargets('test', [1, 2], 2, shape(1, 'signs'))).toThrow('but row 1 of y is 2');
    expect(() => readTargets('test', [-1, 0], 2, shape(1, 'signs'))).toThrow('but row 1 of y is 0');
  });
});

describe('examples', () => {
  test('are cut without copying', () => {
    const data = { x: Uint8Array.of(1, 2, 3, 4, 5, 6), y: [0, 1, 1] };
    const examples = readExamples('test', data, { inputShape: [2], outputs: 2, targets: 'classes' });
    const part = sliceExamples(examples, 1, 3);
    expect(part.rows).toBe(2);
    expect(part.inputs).toMatchObject({ rows: 2, kind: 'u8' });
    expect([...part.inputs.values]).toEqual([3, 4, 5, 6]);
    expect(part.inputs.values.buffer).toBe(data.x.buffer);
    expect(part.targets).toEqual({ labels: Int32Array.of(1, 1) });
  });

  test('are told from streams', () => {
    expect(isStream('test', { x: [], y: [] })).toBe(false);
    expect(isStream('test', [])).toBe(true);
    expect(isStream('test', () => [])).toBe(true);
    expect(isStream('test', (async function* () {})())).toBe(true);
    for (const data of [undefined, null, 5, 'x', {}, new Float32Array(2)])
      expect(() => isStream('test', data)).toThrow(TypeError);
  });
});
