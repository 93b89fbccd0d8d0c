/** The built-in digits: what a caller may rely on. How hard they are is measured in digits.slow.test.ts. */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { digits } from '../../lib/data/digits.js';

describe('digits', () => {
  const set = digits({ count: 200, seed: 1 });

  it('draws bytes of 28 x 28 x 1 with labels', () => {
    expect(set).toMatchObject({ count: 200, shape: [28, 28, 1], classes: 10 });
    expect(set.x).toBeInstanceOf(Uint8Array);
    expect(set.x.length).toBe(200 * 784);
    expect(set.y.length).toBe(200);
  });

  it('holds every digit once in every ten images, in changing order', () => {
    const orders = new Set<string>();
    for (let i = 0; i < 200; i += 10) {
      const ten = set.y.subarray(i, i + 10);
      expect([...ten].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      orders.add(ten.join());
    }
    expect(orders.size).toBeGreaterThan(15);
  });

  it('is the same for the same seed on every machine', () => {
    const { x, y } = digits({ count: 200, seed: 1 });
    const hash = createHash('sha256').update(x).update(y).digest('hex');
    expect(hash).toBe('9aae86439d642b0abf57afc1061ff536f18c52fa3927bba8e2dfa2b607eb7b95');
  });

  it('gives the beginning of more when asked for fewer', () => {
    for (const count of [0, 1, 7, 10, 33]) {
      const fewer = digits({ count, seed: 1 });
      expect(Buffer.compare(fewer.x, set.x.subarray(0, count * 784))).toBe(0);
      expect(fewer.y).toEqual(set.y.subarray(0, count));
    }
  });

  it('draws other images for another seed or split, and never the same image twice', () => {
    const sets = [set, digits({ count: 200, seed: 2 }), digits({ count: 200, seed: 1, split: 'test' })];
    const seen = new Set<string>();
    for (const { x } of sets)
      for (let i = 0; i < 200; i++) seen.add(Buffer.from(x.subarray(i * 784, (i + 1) * 784)).toString('base64'));
    expect(seen.size).toBe(600);
  });

  it('draws bright strokes on a dark ground that stay inside the picture', () => {
    let edge = 0;
    for (let i = 0; i < 200; i++) {
      const image = set.x.subarray(i * 784, (i + 1) * 784);
      const bright = image.filter((value) => value > 100).length;
      expect(bright).toBeGreaterThan(12);
      expect(bright).toBeLessThan(350);
      for (let k = 0; k < 28; k++)
        if (Math.max(image[k]!, image[756 + k]!, image[28 * k]!, image[28 * k + 27]!) > 100) edge++;
    }
    expect(edge / (200 * 112)).toBeLessThan(0.01);
  });

  it('refuses options that make no sense', () => {
    expect(() => digits({ count: -1 })).toThrow(RangeError);
    expect(() => digits({ count: 1.5 })).toThrow(RangeError);
    expect(() => digits({ count: Number.NaN })).toThrow(RangeError);
    expect(() => digits({ count: '10' as never })).toThrow(TypeError);
    expect(() => digits({ seed: -1 })).toThrow(RangeError);
    expect(() => digits({ split: 'validation' as never })).toThrow(/expected one of 'train', 'test' for split/);
    expect(() => digits({ cuont: 5 } as never)).toThrow(/did you mean 'count'/);
  });
});
