/** Tests in C++: a program of test/cuda or test/native, compiled for the host, whose checks are named on its command line. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const compiler = process.env.CXX ?? 'g++';
const generated = join(root, 'build', 'generated');
const missing = !existsSync(generated) || spawnSync(compiler, ['--version']).status !== 0;

/** Flags for ThreadSanitizer, none where it does not work. */
export function threadSanitizer(): string[] {
  const flags = ['-fsanitize=thread', '-g'];
  const folder = mkdtempSync(join(tmpdir(), 'steepest-'));
  const program = join(folder, 'probe');
  const options = { input: 'int main() { return 0; }', encoding: 'utf8' } as const;
  const built = spawnSync(compiler, [...flags, '-x', 'c++', '-', '-o', program], options).status === 0;
  const works = built && spawnSync(program).status === 0;
  rmSync(folder, { recursive: true });
  return works ? flags : [];
}

/**
 * A test for each check of test/<folder>/<name>.cc: it prints how many comparisons were made. `fibers`: linked with the shim's, which run a
 * kernel's threads. `sources`: other files of the project that it is linked with. Skipped, and counted, where there is no compiler, nothing was built, or the
 * shim cannot run.
 */
export function testHostProgram(
  name: string,
  checks: readonly string[],
  {
    folder: room = 'cuda',
    fibers = false,
    sources: others = [] as readonly string[],
    flags = [] as readonly string[],
  } = {},
): void {
  describe.skipIf(missing || (fibers && process.arch !== 'x64'))(`${name}.cc`, () => {
    const folder = mkdtempSync(join(tmpdir(), `steepest-${name}-`));
    const program = join(folder, name);
    beforeAll(() => {
      const include = [join(root, 'cuda'), join(root, 'native'), generated].map((path) => `-I${path}`);
      const all = ['-std=c++17', '-O1', '-Wall', '-Wextra', '-Werror', '-DSTEEPEST_SHIM=1', ...flags, ...include];
      const sources = [join('test', room, `${name}.cc`), ...others];
      if (fibers) sources.push('cuda/shim/fibers.cc');
      const { stderr } = spawnSync(compiler, [...all, ...sources, '-o', program], { cwd: root, encoding: 'utf8' });
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
