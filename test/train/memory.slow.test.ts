/** memory(): what is held of a device, and for what; V8 hears of it too. */

import { describe, expect, test } from 'vitest';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { createCudaBackend } from '../../lib/backends/cuda.js';
import { memory } from '../../lib/train/memory.js';
import { noCuda } from '../helpers/cuda.js'; // first: it chooses the addon
import { clusters, hasCpu, mlp } from './tiny.js';

/** Bytes of the perceptron's parameters 4 x 8, 8, 8 x 3 and 3, each filled up to a multiple of 64. */
const padded = 4 * (32 + 16 + 32 + 16);

/** What differs from `before`. */
function since(device: 'cpu' | 'cuda', before: ReturnType<typeof memory>) {
  const now = memory(device);
  const { weights, data, arenas, other } = now;
  expect(now.total).toBe(weights + data + arenas + other + now.scratch);
  return {
    weights: weights - before.weights,
    data: data - before.data,
    arenas: arenas - before.arenas,
    other: other - before.other,
  };
}

describe.each(['cpu', 'cuda'] as const)('memory of %s', (device) => {
  test.skipIf(device === 'cpu' ? !hasCpu() : noCuda)('is counted by its use, and given back', async () => {
    const before = memory(device);
    const model = mlp({ device });
    expect(since(device, before)).toEqual({ weights: padded, data: 0, arenas: 0, other: 0 });
    const rows = 100;
    let during: ReturnType<typeof since> | undefined;
    await model.fit(clusters(rows), {
      epochs: 1,
      batchSize: 10,
      optimizer: 'momentum',
      onEpochEnd: () => {
        during = since(device, before);
      },
    });
    // Parameters, gradients and velocity; rows of four numbers, a label and a place in the order.
    expect(during).toMatchObject({ weights: 3 * padded, data: 4 * rows * (4 + 1 + 1) });
    expect(during!.arenas).toBeGreaterThan(4 * 10 * 8);
    expect(during!.other).toBeGreaterThan(0);
    expect(since(device, before)).toMatchObject({ weights: during!.weights, data: 0, arenas: during!.arenas });
    model.dispose();
    expect(since(device, before)).toEqual({ weights: 0, data: 0, arenas: 0, other: 0 });
  });
});

test('another device is refused', () => {
  expect(() => memory('gpu' as never)).toThrow(/memory: expected one of 'cpu', 'cuda' for device but received "gpu"/);
  expect(() => memory(3 as never)).toThrow(TypeError);
  expect(() => memory('cuda:63')).toThrow(expect.objectContaining({ code: 'ERR_NO_DEVICE' }));
});

describe.each(['cpu', 'cuda'] as const)('V8', (device) => {
  const skip = device === 'cpu' ? !hasCpu() : noCuda;
  test.skipIf(skip)(
    `hears of the memory of ${device}, and collects storages that were dropped before they fill it`,
    async () => {
      const backend = device === 'cpu' ? createCpuBackend() : createCudaBackend();
      const before = memory(device).total;
      let most = 0;
      for (let i = 0; i < 400; i++) {
        backend.allocate('real', 2.5e6); // 10 MB
        await new Promise((resolve) => setImmediate(resolve));
        most = Math.max(most, memory(device).total - before);
      }
      expect(most).toBeLessThan(1e9); // of 4e9
    },
  );
});
