/** The whole numbers behind the convolutions on a GPU (cuda/pixels.cuh), by a program of their own: pixels.cc. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const compiler = process.env.CXX ?? 'g++';
const generated = join(root, 'build', 'generated');
const missing = !existsSync(generated) || spawnSync(compiler, ['--version']).status !== 0;

// Skipped, and counted, where there is no compiler or nothing was built.
describe.skipIf(missing)('pixels.cuh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'steepest-pixels-'));
  const program = join(folder, 'pixels');
  beforeAll(() => {
    const include = [join(root, 'cuda'), join(root, 'native'), generated].map((path) => `-I${path}`);
    const flags = ['-std=c++17', '-O2', '-Wall', '-Wextra', '-Werror', '-DSTEEPEST_SHIM=1', ...include];
    const { stderr } = spawnSync(compiler, [...flags, join(__dirname, 'pixels.cc'), '-o', program], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each(['divisors', 'pixels', 'quads', 'windows', 'phases', 'covering', 'limits'])('%s', (name) => {
    const { stdout, status } = spawnSync(program, [name], { encoding: 'utf8' });
    expect(`${status}: ${stdout.trim()}`).toMatch(/^0: [1-9]\d*$/);
  });
});
