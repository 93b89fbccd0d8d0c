/** `steepest bench`: the shapes, the arithmetic of the figures, and what is printed. Speeds themselves are no test. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kernelNames, kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { argumentsOf, difference } from '../../lib/cli/bench/arguments.js';
import { costOf, kernelCases, shapeText, smaller } from '../../lib/cli/bench/cases.js';
import { shareOf } from '../../lib/cli/bench/ceiling.js';
import { benchKernel } from '../../lib/cli/bench/kernels.js';
import { measure, timingOf } from '../../lib/cli/bench/measure.js';
import { benchTraining, stepFlops } from '../../lib/cli/bench/training.js';
import { benchNetworks } from '../../lib/cli/bench.js';
import { networkFrom } from '../../lib/models/networks.js';
import { sequential } from '../../lib/train/model.js';
import { FakeIo, runCommand } from '../helpers/fake-io.js';
import { temporaryFolder } from '../helpers/temporary.js';

const reference = new ReferenceBackend('float32');

describe('the cases', () => {
  it('has one for every kernel, with sizes that make sense', () => {
    expect(new Set(kernelCases.map(({ kernel }) => kernel))).toEqual(new Set(kernelNames));
    for (const one of kernelCases) {
      const { flops, bytes } = costOf(one);
      expect(flops, shapeText(one)).toBeGreaterThanOrEqual(0);
      expect(bytes, shapeText(one)).toBeGreaterThan(0);
      for (const { length, optional } of kernelSpecs[one.kernel].buffers)
        expect(length({ ...one.ints })).toBeGreaterThanOrEqual(optional ? 0 : 1);
    }
  });

  it('makes each small enough for the reference, and leaves the layer as it is', () => {
    for (const big of kernelCases) {
      const small = smaller(big, 1e5);
      const { m, rows, n, depth } = small.ints;
      expect(costOf(small).flops <= 1.1e5 || [m, rows, n, depth].includes(1), shapeText(small)).toBe(true);
      for (const name of ['k', 'h', 'w', 'c', 'r', 's', 'pool']) expect(small.ints[name]).toBe(big.ints[name]);
    }
  });

  it('runs every kernel on the reference, twice the same', () => {
    const ran = new Set<string>();
    for (const big of kernelCases) {
      const small = smaller(big, 2e4);
      if (costOf(small).flops > 1e6) continue; // a large layer; a smaller one is in the list too
      ran.add(small.kernel);
      const [first, second] = [argumentsOf(small), argumentsOf(small)];
      for (const { buffers, ints, reals } of [first, second]) reference.runKernel(small.kernel, buffers, ints, reals);
      for (const [i, buffer] of first.buffers.entries()) {
        if (buffer === undefined) continue;
        expect(difference(buffer, second.buffers[i]!), shapeText(small)).toBeUndefined();
        if (buffer instanceof Float32Array)
          expect(buffer.some(Number.isNaN), `${small.kernel} ${shapeText(small)}`).toBe(false);
      }
    }
    expect(ran.size).toBe(kernelNames.length);
  });

  it('counts the bytes that a call must move', () => {
    const ints = { n: 10, t: 1 };
    expect(costOf({ kernel: 'add_forward', ints, reals: {}, reason: '' }).bytes).toBe(3 * 40);
    // theta, s and r are read and written, g is read.
    expect(costOf({ kernel: 'adam_step', ints, reals: {}, reason: '' }).bytes).toBe(7 * 40);
    const gather = { rows: 4, k: 3, sourceRows: 1000 };
    expect(costOf({ kernel: 'gather_bytes', ints: gather, reals: {}, reason: '' }).bytes).toBe(12 + 16 + 48);
  });
});

describe('difference', () => {
  it('lets rounding pass and nothing else', () => {
    const right = Float32Array.of(1, -2, Number.NaN, Number.POSITIVE_INFINITY);
    expect(difference(Float32Array.of(1.00001, -2, Number.NaN, Number.POSITIVE_INFINITY), right)).toBeUndefined();
    expect(difference(Float32Array.of(1.01, -2, Number.NaN, Number.POSITIVE_INFINITY), right)).toMatch(
      /value 0 is 1.0\d+ and should be 1/,
    );
    expect(difference(Float32Array.of(1, -2, 0, Number.POSITIVE_INFINITY), right)).toMatch(/value 2 is 0/);
    expect(difference(Float32Array.of(1, Number.NaN, Number.NaN, Number.POSITIVE_INFINITY), right)).toMatch(
      /value 1 is NaN/,
    );
    expect(difference(Float32Array.of(1, -2, Number.NaN, 3), right)).toMatch(/value 3 is 3/);
    expect(difference(Uint16Array.of(1, 2), Uint16Array.of(1, 3))).toMatch(/1 of 2 whole numbers differ/);
  });

  it('makes a bench refuse a backend that computes something else', () => {
    const wrong = Object.assign(Object.create(reference) as ReferenceBackend, {
      name: 'cpu',
      runKernel: (...args: Parameters<ReferenceBackend['runKernel']>) => {
        reference.runKernel(...args);
        const [, buffers] = args;
        (buffers[1] as Float32Array)[3]! += 1;
      },
    });
    const one = kernelCases.find(({ kernel }) => kernel === 'relu_forward')!;
    expect(() => benchKernel(smaller(one, 1e3), { backend: wrong, reference, threads: 1, ceiling: undefined })).toThrow(
      /relu_forward n=\d+: cpu differs from the reference: y: value 3/,
    );
  });
});

describe('figures', () => {
  it('takes the median, the least and the largest', () => {
    expect(timingOf([3, 1, 2])).toEqual({ medianMs: 2, minMs: 1, maxMs: 3 });
    expect(timingOf([4, 1, 2, 9])).toEqual({ medianMs: 3, minMs: 1, maxMs: 9 });
  });

  it('measures time that passes', () => {
    let calls = 0;
    const wait = () => {
      calls++;
      const end = performance.now() + 2;
      while (performance.now() < end);
    };
    const { medianMs, minMs } = measure('two milliseconds', wait, { seconds: 0.05, samples: 3 });
    expect(minMs).toBeGreaterThan(1.9);
    expect(medianMs).toBeLessThan(200); // a busy machine may take its time
    expect(calls).toBeGreaterThan(3);
  });

  it('throws what the measured call throws', () => {
    const fail = () => {
      throw new RangeError('no');
    };
    expect(() => measure('fails', fail, { seconds: 0.01, samples: 1 })).toThrow(/no/);
  });

  it('is a share of the ceiling that is nearer', () => {
    const ceiling = { gflops: 100, gbPerSecond: 10 };
    expect(shareOf(ceiling, 50, 1)).toEqual({ bound: 'compute', shareOfPeak: 0.5 });
    expect(shareOf(ceiling, 5, 8)).toEqual({ bound: 'memory', shareOfPeak: 0.8 });
    expect(shareOf(undefined, 5, 8).shareOfPeak).toBeNull();
  });

  it("counts a step's operations as the layers say", () => {
    const { inputShape, layers } = networkFrom('mlp');
    const model = sequential({ inputShape, device: 'reference' }, layers);
    const forward = 2 * (784 * 512 + 512 * 512 + 512 * 10);
    const infer = stepFlops(model, 'infer', 8) / 8;
    expect(infer).toBeGreaterThan(forward);
    expect(infer).toBeLessThan(1.05 * forward);
    // Backward: each product twice more, but for the first layer's input.
    const train = (stepFlops(model, 'train', 72) - stepFlops(model, 'train', 8)) / 64;
    expect(train).toBeGreaterThan(3 * forward - 2 * 784 * 512);
    expect(train).toBeLessThan(1.1 * (3 * forward - 2 * 784 * 512));
    model.dispose();
  });
});

describe('bench', () => {
  const run = (...args: string[]) => runCommand(['bench', ...args]);

  it('prints a kernel a line as JSON', async () => {
    const { code, io } = await run('kernels', '--filter', 'gather_labels', '--device', 'reference', '--json');
    expect(code).toBe(0);
    expect(io.lines).toEqual([
      {
        bench: 'kernel',
        kernel: 'gather_labels',
        shape: expect.stringContaining('rows='),
        reason: expect.any(String),
        device: 'reference',
        threads: 1,
        medianMs: expect.any(Number),
        minMs: expect.any(Number),
        maxMs: expect.any(Number),
        gflops: 0,
        gbPerSecond: expect.any(Number),
        bound: 'memory',
        shareOfPeak: null,
        referenceMs: expect.any(Number),
        referenceShape: expect.any(String),
        timesReference: expect.any(Number),
      },
    ]);
  });

  it('leaves the reference out where told to', async () => {
    const { code, io } = await run(
      'kernels',
      '--filter',
      'gather_labels',
      '--device',
      'cpu',
      '--no-reference',
      '--json',
    );
    expect(code).toBe(0);
    expect(io.lines[0]).toMatchObject({ kernel: 'gather_labels', device: 'cpu', medianMs: expect.any(Number) });
    expect(io.lines[0]).not.toHaveProperty('referenceMs');
    const options = { model: 'mlp', batch: 4, device: 'cpu', seconds: 0.01, json: true, reference: false } as const;
    const training = new FakeIo();
    expect(await benchNetworks('train', options, training)).toBe(0);
    expect(training.lines).toHaveLength(1);
  });

  it('prints a line for people', async () => {
    const { code, io } = await run('kernels', '--filter', 'gather_labels', '--device', 'reference');
    expect(code).toBe(0);
    expect(io.stdout).toMatch(/\ngather_labels +[\d.e-]+ ms \(.*GB\/s .*x {2}a batch of MNIST: rows=128/);
  });

  it.each(['train', 'infer'] as const)('times %s and gives the fields of the figures', async (mode) => {
    const options = {
      mode,
      model: 'mlp',
      batch: 4,
      device: 'reference',
      threads: 1,
      ceiling: { gflops: 100, gbPerSecond: 10 },
      seconds: 0.01,
    } as const;
    const result = await benchTraining(options);
    expect(Object.keys(result)).toEqual(
      'bench model device threads batch medianMs minMs maxMs imagesPerSecond gflops shareOfPeak'.split(' '),
    );
    expect(result).toMatchObject({ bench: mode, model: 'mlp', device: 'reference', threads: 1, batch: 4 });
    expect(result.imagesPerSecond).toBeCloseTo(4000 / result.medianMs, 6);
    expect(result.shareOfPeak).toBeCloseTo(result.gflops / 100, 12);
    expect(result.minMs <= result.medianMs && result.medianMs <= result.maxMs).toBe(true);
  });

  it.each(['train', 'infer'] as const)('writes a profile of a sample of bench %s', async (mode) => {
    const dir = temporaryFolder('bench');
    const file = join(dir, 'trace.json');
    const io = new FakeIo();
    const options = { model: 'mlp', batch: 4, device: 'reference', seconds: 0.01, json: true, profile: file } as const;
    expect(await benchNetworks(mode, options, io)).toBe(0);
    expect(io.lines).toHaveLength(1);
    expect(io.lines[0]).not.toHaveProperty('table');
    expect(io.stderr).toMatch(/^profile of \d+ steps?: .*\nkernel .*\ngemm /);
    expect(JSON.parse(readFileSync(file, 'utf8')).traceEvents.length).toBeGreaterThan(10);
  });

  it.each([
    [['everything'], /'everything' is invalid for argument 'what'. Allowed choices are kernels, train, infer/],
    [[], /missing required argument 'what'/],
    [['kernels', '--filter', 'cooley'], /no kernel's name and sizes contain 'cooley'/],
    [['kernels', '--batch', '3'], /--model and --batch are for bench train and bench infer/],
    [['kernels', '--profile', 'x'], /--profile is for bench train and bench infer/],
    [['train', '--profile', 'x'], /--profile needs --model NAME/],
    [['infer', '--profile', 'x'], /--profile needs --model NAME/],
    [['train', '--filter', 'gemm'], /--filter is for bench kernels/],
    [['train', '--batch', '0'], /Expected a whole number >= 1/],
  ])('ends with 2 and says why on wrong usage: %j', async (args, message) => {
    const { code, io } = await run(...args);
    expect(code).toBe(2);
    expect(io.stdout).toBe('');
    expect(io.stderr).toMatch(message);
  });
});
