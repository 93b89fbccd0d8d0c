// The native side under sanitizers (Linux, gcc): npm run test:asan
//   node tools/sanitize.mjs [--only asan|tsan|ubsan] [--jobs N] [test files]
// asan: the addon with AddressSanitizer and UndefinedBehaviorSanitizer, for memory that is not ours and arithmetic that C++ does not define.
// tsan: the addon with ThreadSanitizer, for what threads do to each other: the pool, the engine, environments that end.
// ubsan: its twin that runs CUDA kernels on the host (cuda/shim) with UndefinedBehaviorSanitizer; AddressSanitizer would not know its fibers' stacks.
// Each is a build of its own (build/asan, build/tsan, build/ubsan: some minutes, then only what changed); Node itself is as it is. The tests find it
// by STEEPEST_BINDING and STEEPEST_SHIM; those of the reference alone, which run nothing of it, are left out. Leaks are not looked for: what V8's
// heap points to, which no sanitizer reads, would all count (test/train/life.slow.test.ts and bench/soak.mjs look for them). The exit code is 1
// where a test fails or a sanitizer has said anything in any process.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const compiler = process.env.CXX ?? 'g++';

const SANITIZERS = {
  asan: {
    target: 'steepest',
    flags: 'address,undefined,float-cast-overflow',
    library: 'libasan.so',
    // Room that there is not is an error of JavaScript here too.
    environment: (reports) => ({
      ASAN_OPTIONS: `detect_leaks=0:allocator_may_return_null=1:log_path=${reports}`,
      UBSAN_OPTIONS: `print_stacktrace=1:log_path=${reports}`,
      STEEPEST_ASAN: '1',
    }),
    tests: [
      'native',
      'kernels',
      'plan',
      'backends',
      'binding',
      'hostile',
      'train/accumulate',
      'train/control',
      'train/cpu',
      'train/fit',
      'train/batch-norm',
      'train/minimize',
      'train/tuning',
    ],
  },
  tsan: {
    target: 'steepest',
    flags: 'thread',
    library: 'libtsan.so',
    // Node is not built for it: what it does by itself is none of our business.
    environment: (reports) => ({
      TSAN_OPTIONS: `allocator_may_return_null=1:ignore_noninstrumented_modules=1:report_signal_unsafe=0:halt_on_error=1:log_path=${reports}`,
    }),
    tests: ['native', 'train/cpu', 'train/control', 'train/tuning'],
  },
  ubsan: {
    target: 'steepest-shim',
    flags: 'undefined,float-cast-overflow',
    environment: (reports) => ({ UBSAN_OPTIONS: `log_path=${reports}` }),
    tests: [
      'cuda/sums',
      'kernels/cuda',
      'kernels/hostile',
      'kernels/lecture',
      'kernels/moments',
      'kernels/tensor-cores',
      'train/cuda',
    ],
  },
};

/** What runs nothing of ours: names of tests are not these, and files are others. */
const NATIVE = '^(?!.* reference: )';
const WITHOUT = 'kernels/harness';

/** The addon's path; undefined where it was not built. */
function build(name, { flags, target }, jobs) {
  const folder = join(root, 'build', name);
  const options = ['-DCMAKE_BUILD_TYPE=RelWithDebInfo', '-DSTEEPEST_WITHOUT_CUDA=ON', `-DSTEEPEST_SANITIZE=${flags}`];
  const cmake = (...args) => spawnSync('cmake', args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  for (const args of [
    ['-S', root, '-B', folder, ...options],
    ['--build', folder, '--target', target, '--parallel', jobs],
  ]) {
    const { status, error, stdout, stderr } = cmake(...args);
    if (status === 0) continue;
    console.error(error?.message ?? stdout + stderr);
    return undefined;
  }
  return join(folder, 'Release', `${target}.node`);
}

/** Paths of the test files whose names begin so; throws where there is none. */
function testFiles(beginnings) {
  const all = readdirSync(join(root, 'test'), { recursive: true });
  return beginnings.flatMap((beginning) => {
    const files = all.filter(
      (file) => /\.test\.ts$/.test(file) && file.startsWith(beginning) && !file.startsWith(WITHOUT),
    );
    if (files.length === 0) throw new Error(`there are no tests in test/${beginning}*`);
    return files.map((file) => join('test', file));
  });
}

/** Libraries that must be there before Node's own: the sanitizer's, and the C++ library that it looks into. */
function preload({ library }) {
  const find = (name) => spawnSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).stdout.trim();
  return [library, 'libstdc++.so'].map((name) => realpathSync(find(name))).join(' ');
}

/** @returns {boolean} whether all tests passed and no process left a report */
function check(name, sanitizer, files, jobs) {
  const began = performance.now();
  const seconds = () => ((performance.now() - began) / 1000).toFixed(0);
  const addon = build(name, sanitizer, jobs);
  if (addon === undefined) return false;
  console.log(`${name}: built in ${seconds()} s`);
  const folder = join(root, 'build', name, 'reports');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const shim = sanitizer.target === 'steepest-shim';
  const env = {
    ...process.env,
    ...sanitizer.environment(join(folder, 'report')),
    ...(sanitizer.library === undefined ? {} : { LD_PRELOAD: preload(sanitizer) }),
    STEEPEST_BINDING: addon,
    STEEPEST_SHIM: shim ? addon : '0',
  };
  const tests = files.length > 0 ? files : testFiles(sanitizer.tests);
  const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
  const { status } = spawnSync(process.execPath, [vitest, 'run', '-t', NATIVE, ...tests], {
    cwd: root,
    env,
    stdio: 'inherit',
  });
  // A file with nothing but warnings tells of memory that was asked for and not there, which tests do.
  const written = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  const reports = written.filter((text) => /ERROR: |runtime error: |ThreadSanitizer: /.test(text));
  for (const report of reports.slice(0, 10)) console.error(report.slice(0, 20_000));
  console.log(`${name}: tests ${status === 0 ? 'passed' : 'failed'}, ${reports.length} reports, ${seconds()} s in all`);
  return status === 0 && reports.length === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { only: { type: 'string' }, jobs: { type: 'string', default: String(availableParallelism()) } },
});
const wanted = Object.entries(SANITIZERS).filter(([name]) => values.only === undefined || values.only === name);
if (wanted.length === 0) throw new Error(`--only: expected one of ${Object.keys(SANITIZERS).join(', ')}`);
const passed = wanted.map(([name, sanitizer]) => check(name, sanitizer, positionals, values.jobs));
process.exit(passed.every(Boolean) ? 0 : 1);
