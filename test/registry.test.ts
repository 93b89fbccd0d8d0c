/**
 * The house's registry: every kernel of kernels.def has its reference, its cpu form, its CUDA form, its cases and its op under one stem, both
 * tables of kernels agree, and imports in lib/ go down the list of stages.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, sep } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kernelNames, kernelSpecs } from '../lib/backends/kernels.js';
import { referenceKernels } from '../lib/backends/reference/index.js';
import { nativeKernelNames, whyNoCpu } from './helpers/kernels.js';
import { camel, kebab, stemOf } from './helpers/stems.js';
import { kernelCases } from './kernels/cases/index.js';

const root = resolve(__dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const stems = [...new Set(kernelNames.map(stemOf))];

/** Kernels that no op has the name of, and why. */
const opOf: Record<string, string | undefined> = {
  gemm: 'lib/graph/ops/matmul.ts', // a matrix product to people
  bias: 'lib/graph/ops/bias-add.ts',
  im2col: undefined, // inside the convolutions; public as a single kernel
  copy: undefined, // put in by the plan where values change their place
  gather: undefined, // put in by the plan where a batch is read out of a data set
  clip_norm: 'lib/train/objective.ts', // before the update
  random_uniform: undefined, // what dropout and stochastic pooling draw
  winograd_filter: 'lib/plan/winograd.ts',
};
const updates = new Set(kernelNames.filter((name) => name.endsWith('_step')).map(stemOf));

describe('kernels.def', () => {
  test('is what lib/backends/kernel-table.ts was made from', () => {
    const blocks = [...read('native/kernels/kernels.def').matchAll(/^([a-z]\w*)( slice)?$((?:\n(?: .*)?)*)/gm)];
    expect(blocks.map(([, name]) => name)).toEqual(kernelNames);
    for (const [, name, slice, body] of blocks) {
      const spec = kernelSpecs[name as keyof typeof kernelSpecs];
      const words = (key: string) => new RegExp(`^ +${key} +(.*)$`, 'm').exec(body!)?.[1]?.trim().split(/ +/) ?? [];
      const buffers = [...body!.matchAll(/^ +(in|out|inout) (\w+) (\w+)(\??)\[/gm)];
      expect(spec).toMatchObject({ name, slice: slice !== undefined, ints: words('ints'), reals: words('reals') });
      expect(spec.buffers.map((b) => [b.role, b.type, b.name, b.optional ? '?' : ''])).toEqual(
        buffers.map((b) => b.slice(1)),
      );
    }
  });

  test.skipIf(whyNoCpu !== undefined)('is what the native table was made from', () => {
    expect(nativeKernelNames()).toEqual(kernelNames);
  });
});

test.each(kernelNames)(
  '%s has a reference, a cpu and a CUDA form, cases and an op or optimizer of its stem',
  (kernel) => {
    const stem = stemOf(kernel);
    expect(referenceKernels[kernel]).toBeTypeOf('function');
    expect(read(`lib/backends/reference/${kebab(stem)}.ts`)).toContain(`export function ${camel(kernel)}(`);
    expect(referenceKernels[kernel].name).toBe(camel(kernel));
    expect(existsSync(join(root, `native/kernels/${stem}.cc`)), `native/kernels/${stem}.cc`).toBe(true);
    expect(read(`native/kernels/${stem}.cc`)).toMatch(new RegExp(`\\bvoid ${kernel}\\(const ${kernel}_args&`));
    expect(read(`cuda/${stem}.cu`)).toMatch(
      new RegExp(`^void ${kernel}\\(const ${kernel}_args& a, Stream& stream\\)`, 'm'),
    );
    expect(kernelCases[kernel].cases.length).toBeGreaterThan(0);
    const op = updates.has(stem)
      ? `lib/optimizers/${kebab(stem)}.ts`
      : stem in opOf
        ? opOf[stem]
        : `lib/graph/ops/${kebab(stem)}.ts`;
    if (op !== undefined) expect(existsSync(join(root, op)), op).toBe(true);
  },
);

test('every file of native/kernels, cuda and lib/backends/reference belongs to a kernel, or to all of them', () => {
  const shared = new Set(['args', 'backend', 'index', 'storage', 'windows']);
  const reference = readdirSync(join(root, 'lib/backends/reference')).map((file) => file.replace(/\.ts$/, ''));
  expect(reference.filter((file) => !shared.has(file)).sort()).toEqual(stems.map(kebab).sort());
  const sources = readdirSync(join(root, 'native/kernels')).filter((file) => file.endsWith('.cc'));
  expect(sources.sort()).toEqual(stems.map((stem) => `${stem}.cc`).sort());
  const cuda = readdirSync(join(root, 'cuda')).filter(
    (file) => file.endsWith('.cu') && !['runtime.cu', 'ceiling.cu'].includes(file),
  );
  expect(cuda.sort()).toEqual(stems.map((stem) => `${stem}.cu`).sort());
});

test('native/binding calls no CUDA kernel by its name: a build without CUDA has none', () => {
  const folder = join(root, 'native', 'binding');
  const text = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const named = new RegExp(`cuda::(${kernelNames.join('|')})\\(`);
  expect(text.filter((source) => named.test(source))).toEqual([]);
  expect(text.some((source) => source.includes('cuda::copies('))).toBe(true);
});

describe('imports in lib/', () => {
  const ranks = [
    ['index'],
    ['cli'],
    ['report'],
    ['train'],
    ['formats'],
    ['solvers'],
    ['models'],
    ['layers'],
    ['losses'],
    ['optimizers'],
    ['data'],
    ['plan'],
    ['graph'],
    ['backends'],
    ['binding'],
    ['checksums', 'errors', 'failure', 'files', 'geometry', 'numbers', 'random', 'version'],
  ];
  /** Place in the list of the stage that a file of lib/ belongs to. */
  const rankOf = (path: string) => {
    const stage = relative(join(root, 'lib'), path)
      .split(sep)[0]!
      .replace(/\.m?[tj]s$/, '');
    return ranks.findIndex((names) => names.includes(stage));
  };
  const files = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.m?ts$/.test(file))
    .map((file) => join(root, 'lib', file));
  const importsOf = (file: string) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport|\brequire\()\s*\(?\s*['"](\.[^'"]+)['"]/g)].map(
      ([, path]) => resolve(file, '..', path!),
    );

  test('every file belongs to a stage', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => rankOf(file) < 0)).toEqual([]);
  });

  test('go down the list of stages, never up', () => {
    const upward = files.flatMap((file) =>
      importsOf(file)
        .filter((path) => path.startsWith(join(root, 'lib')) && rankOf(path) < rankOf(file))
        .map((path) => `${relative(root, file)} imports ${relative(root, path)}`),
    );
    expect(upward).toEqual([]);
    expect(files.some((file) => importsOf(file).length > 0)).toBe(true);
  });
});
