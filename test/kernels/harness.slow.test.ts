/** The parity checks themselves: kernels with a fault of each kind must be noticed. */
import { expect, test } from 'vitest';
import type { KernelName } from '../../lib/backends/kernels.js';
import { type Named, type Runner, referenceRunner } from '../helpers/kernels.js';
import { differences, firstDifference, prepare, run, runInSlices } from '../helpers/parity.js';

const reference = referenceRunner('float32');
type Arrays = Record<string, Float32Array>;

/** The reference with a fault: `spoil` sees the arguments after each call. */
const faulty = (spoil: (args: Arrays & Record<string, number>) => unknown): Runner => ({
  ...reference,
  run: (kernel, args: Named) => {
    reference.run(kernel, args);
    spoil(args as unknown as Arrays & Record<string, number>);
  },
});

/** Cases of the kernel in which the fault shows, and how many there are. */
function noticed(kernel: KernelName, runner: Runner): [number, number] {
  const cases = prepare(kernel).filter(
    ({ case: { ints } }) => Object.values(ints).every((value) => value > 0) || kernel === 'gemm',
  );
  const bad = cases.filter((p) => {
    const result = run(runner, kernel, p.case, p.inputs, p.index % 4);
    return result.problems.length + differences(p, result).length > 0;
  });
  return [bad.length, cases.length];
}

const everywhere = ([bad, all]: [number, number]) => {
  expect(all).toBeGreaterThan(5);
  expect(bad).toBe(all);
};

test('an unspoiled reference is not', () => {
  expect(noticed('add_forward', reference)[0]).toBe(0);
  expect(noticed('gemm', reference)[0]).toBe(0);
});

test('a write behind or before an output', () => {
  const beside = (place: (y: Float32Array) => number) =>
    faulty(({ y }) => {
      new Float32Array(y!.buffer, y!.byteOffset + 4 * place(y!), 1)[0] = 0;
    });
  everywhere(
    noticed(
      'relu_forward',
      beside((y) => y.length),
    ),
  );
  everywhere(
    noticed(
      'relu_forward',
      beside(() => -1),
    ),
  );
});

test('a changed input', () => {
  everywhere(
    noticed(
      'softmax_forward',
      faulty(({ x }) => x!.fill(5, -1)),
    ),
  );
});

test('an output left as it was', () => {
  everywhere(
    noticed(
      'copy_forward',
      faulty(({ y }) => y!.fill(77, -1)),
    ),
  );
});

test('a NaN that got lost, an infinity that became finite', () => {
  const lost = (kind: (value: number) => boolean) =>
    faulty(({ y }) => {
      const i = y!.findIndex(kind);
      if (i >= 0) y![i] = 3e38;
    });
  const special = prepare('sub_forward').filter(({ case: { fill, ints } }) => fill === 'special' && ints.n! >= 8);
  for (const kind of [
    Number.isNaN,
    (v: number) => v === Number.POSITIVE_INFINITY,
    (v: number) => v === Number.NEGATIVE_INFINITY,
  ])
    for (const p of special) {
      const result = run(lost(kind), 'sub_forward', p.case, p.inputs);
      if (p.expected32.y!.some(kind)) expect(differences(p, result)).toHaveLength(1);
    }
  expect(special.some((p) => p.expected32.y!.some(Number.isNaN))).toBe(true);
});

test('a product that forgets a term', () => {
  const forgetful: Runner = {
    ...reference,
    run: (kernel, args) => {
      const { k, m, transposeA } = args as Record<string, number>;
      const a = (args.a as Float32Array).slice();
      for (let i = 0; i < m!; i++) a[transposeA === 1 ? (k! - 1) * m! + i : (i + 1) * k! - 1] = 0;
      reference.run(kernel, { ...args, a });
    },
  };
  const large = prepare('gemm').filter(
    ({ case: { ints, fill } }) => fill === 'real' && ints.relu === 0 && ints.m! * ints.n! * ints.k! >= 200,
  );
  expect(large.length).toBeGreaterThan(20);
  for (const p of large) expect(differences(p, run(forgetful, 'gemm', p.case, p.inputs))).toHaveLength(1);
});

test('the last of equal maxima instead of the first', () => {
  const last = faulty(({ x, y, argmax, h, w, c, pool, stride, n }) => {
    if (n !== 2 || h !== 4 || w !== 4 || c !== 1 || pool !== 2 || stride !== 2) return;
    // Output 0 looks at places 0, 1, 4, 5 of the image.
    const window = [0, 1, 4, 5].map((place) => x![place]!);
    argmax![0] = window.lastIndexOf(y![0]!);
  });
  const p = prepare('max_pool2d_forward').find(
    ({ case: { ints, fill } }) => fill === 'integers' && ints.n === 2 && ints.h === 4 && ints.c === 1,
  )!;
  const tied = { ...p, inputs: { ...p.inputs, x: new Float32Array(32).fill(2) } };
  const expected32 = run(reference, p.kernel, p.case, tied.inputs).outputs;
  expect(differences({ ...tied, expected32 }, run(reference, p.kernel, p.case, tied.inputs))).toEqual([]);
  expect(differences({ ...tied, expected32 }, run(last, p.kernel, p.case, tied.inputs))).toHaveLength(1);
});

test('a value that depends on its place in the slice', () => {
  const restless: Runner = { ...reference, run: (kernel, args) => reference.run(kernel, { ...args, first: 0 }) };
  const p = prepare('random_uniform').find(({ case: { ints } }) => ints.n === 64)!;
  const whole = run(restless, p.kernel, p.case, p.inputs).outputs.y!;
  expect(firstDifference(whole, runInSlices(restless, p).outputs.y!)).toBe(22);
  expect(firstDifference(whole, run(restless, p.kernel, p.case, p.inputs).outputs.y!)).toBe(-1);
});

test('an error of three units in the last place of an exact kernel, of 1e-4 in a rounded one', () => {
  everywhere(
    noticed(
      'add_forward',
      faulty(({ y }) => y!.fill(y![0] === 0 ? 1 : Number.isFinite(y![0]!) ? y![0]! * (1 + 3 * 2 ** -23) : 0, 0, 1)),
    ),
  );
  everywhere(
    noticed(
      'sigmoid_forward',
      faulty(({ y }) => y!.fill(Number.isFinite(y![0]!) ? y![0]! * 1.0001 + 1e-37 : 0, 0, 1)),
    ),
  );
});
