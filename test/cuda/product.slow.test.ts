/** The core of products on a GPU (cuda/product.cuh), each tile and order of operands, by a program of its own: product.cc. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const compiler = process.env.CXX ?? 'g++';
const generated = join(root, 'build', 'generated');
const missing = !existsSync(generated) || process.arch !== 'x64' || spawnSync(compiler, ['--version']).status !== 0;

// Skipped, and counted, where there is no compiler, nothing was built, or the shim cannot run.
describe.skipIf(missing)('product.cuh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steepest-product-'));
  const program = join(folder, 'product');
  beforeAll(() => {
    const include = [join(root, 'cuda'), join(root, 'native'), generated].map((path) => `-I${path}`);
    const flags = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror', '-DSTEEPEST_SHIM=1', ...include];
    const sources = [join(__dirname, 'product.cc'), join(root, 'cuda', 'shim', 'fibers.cc')];
    const { stderr } = spawnSync(compiler, [...flags, ...sources, '-o', program], { encoding: 'utf8' });
    expect(stderr).toBe('');
  }, 300_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['slices', 'tiles', 'parts', 'wide', 'plans'])(
    '%s',
    (name) => {
      const { stdout, stderr, status } = spawnSync(program, [name], { encoding: 'utf8' });
      expect(`${status}: ${stdout.trim()}${stderr}`).toMatch(/^0: [1-9]\d*$/);
    },
    120_000,
  );
});
