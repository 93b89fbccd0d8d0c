/**
 * The thread pool, through kernels: any number of threads, callers at once, and regions from long to empty; and by itself, in C++, under
 * ThreadSanitizer where there is one.
 */
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { kernelNames } from '../../lib/backends/kernels.js';
import { loadBinding } from '../../lib/binding.js';
import { testHostProgram, threadSanitizer } from '../helpers/host-program.js';

const { binding, path } = loadBinding();
const none = new Float64Array(0);
const scale = kernelNames.indexOf('scale_forward');
const gemm = kernelNames.indexOf('gemm');

function product(threads: number): Float32Array {
  const [m, n, k] = [67, 130, 45];
  const a = Float32Array.from({ length: m * k }, (_, i) => Math.sin(i));
  const b = Float32Array.from({ length: k * n }, (_, i) => Math.cos(i));
  const c = new Float32Array(m * n);
  binding!.runKernel(gemm, [a, b, undefined, c], Float64Array.of(m, n, k, 0, 0, 0, 0), none, threads);
  return c;
}

testHostProgram('thread_pool', ['regions', 'order', 'exceptions', 'callers', 'nested', 'scratch', 'stop'], {
  folder: 'native',
  sources: ['native/thread_pool.cc'],
  flags: ['-pthread', ...threadSanitizer()],
});

describe.skipIf(binding === undefined)('thread pool', () => {
  test('every element is worked on exactly once, for any size and number of threads', () => {
    for (const n of [0, 1, 1000, 4096, 4097, 65_537, 300_001])
      for (const threads of [1, 2, 3, 8, 40]) {
        const y = new Float32Array(n).fill(1);
        binding!.runKernel(scale, [y, y], Float64Array.of(n), Float64Array.of(3), threads); // in place: twice would give 9
        expect(y.every((v) => v === 3)).toBe(true);
      }
  });

  test('results do not depend on the number of threads', () => {
    const one = product(1);
    for (const threads of [2, 3, 7, 64, 1024, 0]) expect(product(threads)).toEqual(one);
  });

  test('stands many short regions in a row', () => {
    const y = new Float32Array(40_000).fill(1);
    for (let i = 0; i < 3000; i++)
      binding!.runKernel(scale, [y, y], Float64Array.of(y.length), Float64Array.of(i % 2 === 0 ? 2 : 0.5), 2 + (i % 3));
    expect(y.every((v) => v === 1)).toBe(true);
  });

  test('serves several callers at once', async () => {
    const code = `
      const { parentPort } = require('node:worker_threads');
      const binding = require(${JSON.stringify(path)});
      const y = new Float32Array(50000).fill(1);
      let wrong = 0;
      for (let i = 0; i < 400; i++) {
        binding.runKernel(${scale}, [y, y], Float64Array.of(y.length), Float64Array.of(i % 2 === 0 ? 2 : 0.5), 3);
        if (y.some((v) => v !== (i % 2 === 0 ? 2 : 1))) wrong++;
      }
      parentPort.postMessage(wrong);`;
    const answers = [1, 2, 3].map(
      () =>
        new Promise((resolve, reject) =>
          new Worker(code, { eval: true }).once('message', resolve).once('error', reject),
        ),
    );
    const expected = product(1);
    for (let i = 0; i < 50; i++) expect(product(2)).toEqual(expected);
    expect(await Promise.all(answers)).toEqual([0, 0, 0]);
  });
});
