/** Tests in C++: a program of test/cuda, compiled for the host, whose checks are named on its command line. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const compiler = process.env.CXX ?? 'g++';
const generated = join(root, 'build', 'generated');
const missing = !existsSync(generated) || spawnSync(compiler, ['--version']).status !== 0;

/**
 * A test for each check of test/cuda/<name>.cc: it prints how many comparisons were made. `fibers`: linked with the shim's, which run a
 * kernel's threads. Skipped, and counted, where there is no compiler, nothing was built, or the shim cannot run.
 */
export function testHostProgram(
  name: string,
  checks: readonly string[],
  { fibers = false, flags = [] as readonly string[] } = {},
): void {
  describe.skipIf(missing || (fibers && process.arch !== 'x64'))(`${name}.cc`, () => {
    const folder = mkdtempSync(join(tmpdir(), `steepest-${name}-`));
    const program = join(folder, name);
    beforeAll(() => {
      const include = [join(root, 'cuda'), join(root, 'native'), generated].map((path) => `-I${path}`);
      const all = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror', '-DSTEEPEST_SHIM=1', ...flags, ...include];
      const sources = [join(root, 'test', 'cuda', `${name}.cc`)];
      if (fibers) sources.push(join(root, 'cuda', 'shim', 'fibers.cc'));
      const { stderr } = spawnSync(compiler, [...all, ...sources, '-o', program], { encoding: 'utf8' });
      expect(stderr).toBe('');
    }, 300_000);
    afterAll(() => rmSync(folder, { recursive: true }));

    test.each(checks)(
      '%s',
      (check) => {
        const { stdout, stderr, status } = spawnSync(program, [check], { encoding: 'utf8' });
        expect(`${status}: ${stdout.trim()}${stderr}`).toMatch(/^0: [1-9]\d*$/);
      },
      120_000,
    );
  });
}
