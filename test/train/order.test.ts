import { describe, expect, test } from 'vitest';
import { permutation } from '../../lib/random.js';
import { countUp, shuffledRows } from '../../lib/train/order.js';

describe('the order of rows', () => {
  test('is the permutation of the seed, stream and epoch, also when it is made in several pieces', async () => {
    for (const rows of [0, 1, 2, 1000, 30_000])
      expect((await shuffledRows(rows, 3, 5, 7)).join()).toBe(permutation(rows, 3, 5, 7).join());
    expect(await shuffledRows(100, 3, 5, 8)).not.toEqual(permutation(100, 3, 5, 7));
  });

  test('lets the event loop turn in between', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await shuffledRows(500_000, 1, 2, 3);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });

  test('counts up without shuffling', () => {
    expect([...countUp(4)]).toEqual([0, 1, 2, 3]);
  });
});
