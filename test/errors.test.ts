import { describe, expect, it } from 'vitest';
import { nearest, show } from '../lib/errors.js';

describe('messages', () => {
  it('show values, cut short where they are long, deep or circular', () => {
    expect(
      [new Float32Array(3), 'relu', Number.NaN, [2, [3]], null, undefined, {}, () => 1].map((value) => show(value)),
    ).toEqual([...['Float32Array(3)', '"relu"', 'NaN', '[2, [3]]', 'null', 'undefined', 'Object', 'function ']]);
    expect(show('x'.repeat(1e6))).toBe(`"${'x'.repeat(120)}"...`);
    expect(show(new Array(1e5).fill(0))).toBe('[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ... 100000 in all]');
    const circle: unknown[] = [1];
    circle.push(circle);
    expect(show(circle)).toBe('[1, [1, [1, Array(2)]]]');
  });

  it('name the nearest name, if there is one near', () => {
    expect(nearest('epoch', ['epochs', 'batchSize'])).toBe('epochs');
    expect(nearest('momentun', ['momentum', 'nesterov'])).toBe('momentum');
    expect(nearest('x', ['epochs'])).toBeUndefined();
    expect(nearest('e'.repeat(1e6), ['epochs'])).toBeUndefined();
  });
});
