/** Storages of the cpu backend, and what the addon says of its memory. */
import { describe, expect, test } from 'vitest';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { loadBinding } from '../../lib/binding.js';
import { contents } from '../helpers/small-plan.js';

const { binding } = loadBinding();
const disposed = expect.objectContaining({ code: 'ERR_DISPOSED' });

describe.skipIf(binding === undefined)('cpu storage', () => {
  const backend = binding && createCpuBackend();

  test('is zero at birth, converts, reads and writes at offsets', () => {
    const storage = backend!.allocate('i32', 5);
    expect(contents(storage)).toEqual([0, 0, 0, 0, 0]);
    storage.write(Float32Array.of(1, 2.5, 3), 2);
    const part = new Uint16Array(2);
    storage.read(part, 3);
    expect([...part]).toEqual([2, 3]);
    expect(contents(storage)).toEqual([0, 0, 1, 2, 3]);
    storage.write(new Int32Array(0), 5);
    const real = backend!.allocate('real', 1);
    real.write(Float64Array.of(0.1));
    expect(contents(real)).toEqual([Math.fround(0.1)]);
    const bytes = new Uint8Array(16).fill(9).subarray(3, 5);
    const u8 = backend!.allocate('u8', 3);
    u8.write(bytes, 1);
    expect(contents(u8)).toEqual([0, 9, 9]);
    expect(contents(backend!.allocate('u16', 0))).toEqual([]);
  });

  test('refuses what does not fit', () => {
    const storage = backend!.allocate('real', 4);
    expect(() => storage.write(new Float32Array(3), 2)).toThrow(RangeError);
    expect(() => storage.read(new Float32Array(5))).toThrow(RangeError);
    expect(() => storage.write(new Float32Array(1), -1)).toThrow(RangeError);
    expect(() => storage.write(new Float32Array(1), Number.NaN)).toThrow(RangeError);
    expect(() => storage.write([1, 2] as unknown as Float32Array)).toThrow(TypeError);
    const gone = new Float32Array(2);
    structuredClone(gone, { transfer: [gone.buffer] });
    expect(() => storage.write(gone)).toThrow(/detached/);
    expect(() => backend!.allocate('real', -1)).toThrow(RangeError);
    expect(() => backend!.allocate('real', Number.NaN)).toThrow(RangeError);
    expect(() => backend!.allocate('f16' as 'real', 1)).toThrow(RangeError);
    expect(() => backend!.allocate('real', 2 ** 50)).toThrow(expect.objectContaining({ code: 'ERR_DEVICE_OOM' }));
    expect(() => binding!.createStorage(0, Number.MAX_SAFE_INTEGER)).toThrow(
      expect.objectContaining({ code: 'ERR_DEVICE_OOM' }),
    );
    expect(() => createCpuBackend({ threads: 0 })).toThrow(RangeError);
    expect(() => createCpuBackend({ thread: 1 } as object)).toThrow(/did you mean 'threads'/);
  });

  test('is gone after dispose(), and its memory is counted', () => {
    const before = binding!.memory();
    const storage = backend!.allocate('real', 1000);
    expect(binding!.memory()).toMatchObject({ bytes: before.bytes + 4000, storages: before.storages + 1 });
    storage.dispose();
    storage.dispose();
    expect(binding!.memory()).toMatchObject({ bytes: before.bytes, storages: before.storages });
    expect(() => storage.write(new Float32Array(1))).toThrow(disposed);
    expect(() => storage.read(new Float32Array(1))).toThrow(disposed);
  });

  test('handles of another kind are told apart, even with borrowed prototypes', () => {
    const storage = binding!.createStorage(0, 4);
    const array = new Float32Array(4);
    const write = binding!.writeStorage as (...args: unknown[]) => void;
    for (const other of [undefined, null, 1, 'storage', {}, [], array, Object.create(storage), new Proxy(storage, {})])
      expect(() => write(other, array, 0)).toThrow(TypeError);
    const plan = binding!.loadPlan(Float64Array.of(2, 1, 0, 0, 0, 0, 0, 0), []);
    expect(() => write(plan, array, 0)).toThrow(TypeError);
    expect(() => binding!.disposePlan(storage as never)).toThrow(TypeError);
    expect(() => binding!.stopRun(plan as never)).toThrow(TypeError);
    for (const bad of [
      new Float64Array(4),
      new Int32Array(4),
      new ArrayBuffer(16),
      new DataView(new ArrayBuffer(16)),
      [1],
    ])
      expect(() => write(storage, bad, 0)).toThrow(TypeError);
  });
});
