/** The shim itself (cuda/shim): kernels with a fault of each kind must be noticed, and the same kernels without it must not. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(__dirname, '..', '..');
const compiler = process.env.CXX ?? 'g++';
const here = process.platform === 'linux' && process.arch === 'x64' && spawnSync(compiler, ['--version']).status === 0;

/** What shim.cc prints: for each kernel, what it comes to without its fault and with it. */
function outcomes(): Record<string, string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'steepest-shim-'));
  try {
    const program = join(folder, 'shim');
    const flags = '-std=c++17 -O1 -fsanitize=alignment,bounds -DSTEEPEST_SHIM=1'.split(' ');
    const folders = ['build/generated', 'native', 'cuda'].map((path) => `-I${path}`);
    // Compiled with the flags of CMakeLists.txt, but linked without: fibers.cc stands in for the library of these checks.
    const objects = ['test/cuda/shim.cc', 'cuda/shim/fibers.cc'].map((source, i) => {
      const object = join(folder, `${i}.o`);
      execFileSync(compiler, [...flags, ...folders, '-c', source, '-o', object], { cwd: root });
      return object;
    });
    execFileSync(compiler, [...objects, '-o', program]);
    const lines = execFileSync(program, { encoding: 'utf8' }).trim().split('\n');
    return Object.fromEntries(
      lines.map((line) => {
        const [, name, without, withFault] = /^(\w+): (.*?); (.*)$/.exec(line)!;
        return [name!, [without!, withFault!]];
      }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

// Skipped, and counted, where there is no compiler.
test.skipIf(!here)('faults are noticed', () => {
  const hangs = (barrier: number, shuffle: number, left: number) =>
    `a block of 128 threads hangs: ${barrier} wait at a barrier, ${shuffle} at a shuffle, ${left} have left`;
  const hangsAtMemoryBarrier =
    'a block of 128 threads hangs: 0 wait at a barrier, 0 at a shuffle, 128 at a memory barrier, 0 have left';
  const expected = {
    barrier_before_reading: 'wrong',
    barrier_before_reading_behind: 'wrong',
    barrier_before_writing: 'wrong',
    leaves_before_a_barrier: hangs(127, 0, 1),
    half_a_shuffle: hangs(0, 64, 64),
    barrier_and_shuffle: hangs(112, 16, 0),
    order_of_blocks: 'wrong',
    left_in_shared_memory: 'wrong',
    copy_without_wait: 'wrong',
    copy_without_commit: 'wrong',
    copy_of_the_last_group: 'wrong',
    copy_without_barrier: 'wrong',
    copy_to_no_multiple: 'copy_async of 16 bytes is not aligned',
    copy_from_no_multiple: 'copy_async of 8 bytes is not aligned',
    vector_read: expect.stringMatching(/^an access is not aligned at test\/cuda\/shim\.cc:\d+$/),
    vector_written: expect.stringMatching(/^an access is not aligned at test\/cuda\/shim\.cc:\d+$/),
    behind_shared_memory: 'a block wrote behind its shared memory',
    outside_an_array: expect.stringMatching(/^index 67 is outside its array at test\/cuda\/shim\.cc:\d+$/),
    more_shared_memory_than_launched: 'a block uses 1024 bytes of shared memory but has 512',
    box_without_wait: 'a block ends while copies to its shared memory are under way',
    box_by_the_other_phase: hangsAtMemoryBarrier,
    box_for_more_threads: hangsAtMemoryBarrier,
    box_for_fewer_threads: 'more threads arrive at a memory barrier than it was made for',
    box_by_no_barrier: 'a memory barrier is used before it is made',
    box_to_no_multiple: 'a box is copied to a place that is no multiple of 1024',
    threads: 'blocks of 48 threads',
    more_threads: 'blocks of 2048 threads',
    much_shared_memory: '300000 bytes of shared memory',
    grid: 'the grid is out of range',
  };
  expect(outcomes()).toEqual(
    Object.fromEntries(Object.entries(expected).map(([name, fault]) => [name, ['right', fault]])),
  );
});
