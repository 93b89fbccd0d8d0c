import { describe, expect, it } from 'vitest';
import {
  constant,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  initializerConfig,
  initializerFrom,
  zeros,
} from '../../lib/layers/initializers.js';

const fans = { fanIn: 50, fanOut: 150 };
const n = 40_000;

function statistics(initializer: Initializer) {
  const values = new Float64Array(n);
  initializer.fill(values, fans, 11, 2);
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const moment = (power: number) => values.reduce((a, b) => a + (b - mean) ** power, 0) / n;
  const variance = moment(2);
  return { mean, variance, kurtosis: moment(4) / variance ** 2, largest: Math.max(...values.map(Math.abs)) };
}

describe('initialisers', () => {
  // Kurtosis: 3 for a normal distribution, 9/5 for a uniform one.
  it.each([
    [heNormal, 2 / 50, 3],
    [heUniform, 2 / 50, 1.8],
    [glorotNormal, 2 / 200, 3],
    [glorotUniform, 2 / 200, 1.8],
  ])('$name: mean 0, the right variance and form', (initializer, variance, kurtosis) => {
    const seen = statistics(initializer);
    expect(Math.abs(seen.mean)).toBeLessThan(5 * Math.sqrt(variance / n));
    expect(seen.variance / variance).toBeGreaterThan(0.96);
    expect(seen.variance / variance).toBeLessThan(1.04);
    expect(Math.abs(seen.kurtosis - kurtosis)).toBeLessThan(0.12);
    if (kurtosis === 1.8) expect(seen.largest).toBeLessThanOrEqual(Math.sqrt(3 * variance));
  });

  it('fills float32 and float64 alike, an odd length as a longer one', () => {
    for (const initializer of [heNormal, glorotUniform]) {
      const [double, single] = [new Float64Array(7), new Float32Array(7)];
      initializer.fill(double, fans, 5, 1);
      initializer.fill(single, fans, 5, 1);
      expect(single).toEqual(Float32Array.from(double));
      const longer = new Float64Array(8);
      initializer.fill(longer, fans, 5, 1);
      expect(longer.slice(0, 7)).toEqual(double);
    }
  });

  it('depends on the seed and the stream alone', () => {
    const draw = (seed: number, stream: number) => {
      const values = new Float32Array(16);
      heNormal.fill(values, fans, seed, stream);
      return values;
    };
    expect(draw(1, 0)).toEqual(draw(1, 0));
    expect(draw(1, 0)).not.toEqual(draw(2, 0));
    expect(draw(1, 0)).not.toEqual(draw(1, 1));
  });

  it('zeros and constant overwrite', () => {
    const values = new Float32Array([1, 2, 3]);
    constant(0.5).fill(values, fans, 1, 1);
    expect(Array.from(values)).toEqual([0.5, 0.5, 0.5]);
    zeros.fill(values, fans, 1, 1);
    expect(Array.from(values)).toEqual([0, 0, 0]);
    expect(() => constant(Number.NaN)).toThrow(RangeError);
    expect(() => constant(Number.POSITIVE_INFINITY)).toThrow(RangeError);
  });

  it('are found by name, object and JSON', () => {
    expect(initializerFrom('dense', 'weightsInitializer', 'heNormal')).toBe(heNormal);
    expect(initializerFrom('dense', 'weightsInitializer', glorotNormal)).toBe(glorotNormal);
    const half = initializerFrom('dense', 'w', JSON.parse(JSON.stringify(initializerConfig(constant(0.5)))));
    expect([half.name, half.value]).toEqual(['constant', 0.5]);
    expect(initializerConfig(zeros)).toBe('zeros');
    expect(() => initializerFrom('dense', 'w', { name: 'constant' })).toThrow(TypeError);
    expect(() => initializerFrom('dense', 'w', { name: 'he' } as never)).toThrow(RangeError);
  });
});
