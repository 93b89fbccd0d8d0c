// The stages of gpu:check: what each runs, in the order of what matters most, and what it reads from the output. A stage is
//   { name, weight, how, steps(context) }       for runSteps: how, and the steps, or { notRun: why }
// context: { quick, rehearse, python, data, sanitizer, at(...path), temporary }
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { jsonLines } from './run.mjs';

const PRECISIONS = ['fp32', 'bf16', 'tf32'];

// ---- tests ----

/** Files of tests that run on a GPU, without those that are not there. */
export function testFiles(folder) {
  const there = (path) => existsSync(join(folder, path));
  const cores = there('kernels')
    ? readdirSync(join(folder, 'kernels')).filter((name) => /^tensor-cores.*\.slow\.test\.ts$/.test(name))
    : [];
  return [
    'kernels/cuda.slow.test.ts',
    ...cores.sort().map((name) => `kernels/${name}`),
    'kernels/moments.slow.test.ts',
    'train/cuda.slow.test.ts',
  ].filter(there);
}

/** What vitest's JSON report says. Where no test passed, nothing was tested. */
export function readReport(path) {
  if (!existsSync(path)) return { status: 'failed', reason: 'vitest left no report' };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
    testResults,
  } = JSON.parse(readFileSync(path, 'utf8'));
  const bad = testResults.flatMap(({ name, status, message, assertionResults }) => [
    ...(status === 'failed' && assertionResults.length === 0 ? [`${basename(name)}: ${message.split('\n')[0]}`] : []),
    ...assertionResults
      .filter((one) => one.status === 'failed')
      .map((one) => `${one.fullName}: ${(one.failureMessages[0] ?? '').split('\n')[0]}`),
  ]);
  const result = { text: `${passed} passed, ${failed} failed, ${skipped} skipped`, passed, failed, skipped };
  if (bad.length > 0) result.failures = bad.slice(0, 50);
  if (failed > 0 || bad.length > 0) result.status = 'failed';
  else if (passed === 0) Object.assign(result, { status: 'failed', reason: 'no test ran on the GPU' });
  return result;
}

const tests = {
  name: 'tests',
  weight: 120,
  how: availableParallelism() >= 8 ? 'together' : 'greedily',
  steps({ rehearse, at, temporary }) {
    const vitest = at('node_modules', 'vitest', 'vitest.mjs');
    if (!existsSync(vitest)) return { notRun: 'vitest is not in node_modules' };
    // The GPU alone: what the shim has to say is said in npm test.
    const env = rehearse ? { STEEPEST_TUNE: '0' } : { REQUIRE_CUDA: '1', STEEPEST_SHIM: '0', STEEPEST_TUNE: '0' };
    const step = (name, file, more, words = []) => {
      const report = join(temporary, `${name.replaceAll('/', '-')}.json`);
      const reporters = ['--reporter=verbose', '--reporter=json', `--outputFile=${report}`];
      const command = [process.execPath, vitest, 'run', `test/${file}`, ...words, ...reporters];
      return { name, command, env: { ...env, ...more }, read: ({ timedOut }) => (timedOut ? {} : readReport(report)) };
    };
    const steps = testFiles(at('test')).map((file) => step(file, file));
    if (rehearse) return steps;
    // Once more by Hopper's own instructions, which are off unless asked for.
    return [...steps, step('hopper', 'kernels/tensor-cores.slow.test.ts', { STEEPEST_WGMMA: '1' }, ['-t', 'gemm in'])];
  },
};

// ---- compute-sanitizer ----

/** The errors (or hazards) that a tool of compute-sanitizer counted; undefined where it says nothing of it. */
export function sanitizerErrors(lines) {
  for (const line of lines) {
    const errors = /ERROR SUMMARY: (\d+) error/.exec(line) ?? /RACECHECK SUMMARY: (\d+) hazard/.exec(line);
    if (errors) return Number(errors[1]);
  }
  return undefined;
}

/** Of a run under compute-sanitizer: clean only where it says so. */
export function readSanitizer({ code, timedOut, lines, tail }) {
  const all = [...lines, ...tail];
  if (all.some((line) => /Device not supported/i.test(line)))
    return { status: 'not run', reason: 'compute-sanitizer does not support this device' };
  const errors = sanitizerErrors(all);
  if (timedOut) return errors ? { errors } : {};
  if (errors === undefined) return { status: 'failed', reason: 'compute-sanitizer gave no summary' };
  const found = all.filter((line) => /^=+ +(Invalid|Uninitialized|Race|Error:|Program hit|Warning)/i.test(line));
  return {
    ...{ text: `${errors} errors`, errors },
    ...(errors > 0 && { status: 'failed', found: [...new Set(found)].slice(0, 40) }),
    ...(errors === 0 && code !== 0 && { reason: 'the script itself failed' }),
  };
}

const sanitizer = {
  name: 'sanitizer',
  weight: 80,
  how: 'evenly',
  steps({ rehearse, sanitizer: tool, at }) {
    const script = [process.execPath, at('tools', 'gpu-check', 'sanitize.mjs')];
    if (rehearse) return [{ name: 'the script alone', command: script }];
    if (tool === undefined) return { notRun: 'compute-sanitizer was not found' };
    return ['memcheck', 'racecheck', 'initcheck'].map((check) => ({
      name: check,
      command: [tool, '--tool', check, '--error-exitcode', '9', '--print-limit', '50', ...script],
      read: readSanitizer,
    }));
  },
};

// ---- MNIST ----

const mnist = {
  name: 'mnist',
  weight: 35,
  how: 'evenly',
  steps({ quick, data, at }) {
    const folder = data && join(data, 'mnist');
    if (!folder || !existsSync(folder)) return { notRun: 'no folder mnist in STEEPEST_DATA' };
    const words =
      'train --model mnist-fast --data mnist --epochs 1 --batch 256 --optimizer adam --lr 0.01 --schedule one-cycle';
    const options = [
      ...words.split(' '),
      ...'--beta1 0.7 --beta2 0.9 --target-accuracy 0.99 --device cuda --json'.split(' '),
    ];
    const read = ({ lines }) => {
      const [epoch] = jsonLines(lines).filter(({ event }) => event === 'epoch');
      if (epoch === undefined) return {};
      const { seconds, testAccuracy } = epoch;
      return {
        text: `${testAccuracy} in ${seconds} s`,
        trainSeconds: seconds,
        testAccuracy,
        reached: testAccuracy >= 0.99,
      };
    };
    const seeds = quick ? [1] : [1, 2, 3];
    return seeds.flatMap((seed) =>
      PRECISIONS.map((precision) => ({
        name: `mnist-fast, ${precision}, seed ${seed}`,
        command: [
          process.execPath,
          at('dist', 'cli', 'main.js'),
          ...options,
          '--data-dir',
          folder,
          '--seed',
          `${seed}`,
          '--precision',
          precision,
        ],
        read: (ran) => ({ precision, seed, ...read(ran) }),
      })),
    );
  },
};

// ---- steepest's own benches ----

/** Rows of a bench: lines that are objects; some may tell of an error instead. */
export function readRows({ lines, timedOut }, more = {}) {
  const rows = jsonLines(lines).map((row) => ({ ...row, ...more }));
  if (rows.length === 0 && !timedOut) return { reason: 'it gave no rows', status: 'failed', rows };
  const errors = rows.filter(({ error }) => error !== undefined).length;
  return { text: `${rows.length} rows${errors > 0 ? `, ${errors} of them errors` : ''}`, rows };
}

const bench = {
  name: 'bench',
  weight: 75,
  how: 'evenly',
  steps({ quick, rehearse, at }) {
    const cli = [process.execPath, at('dist', 'cli', 'main.js'), 'bench'];
    const common = ['--device', 'cuda', '--no-reference', '--json'];
    const some = rehearse ? ['--model', 'mlp', '--batch', '4'] : quick ? ['--model', 'lenet'] : [];
    return [
      {
        name: 'bench kernels',
        command: [...cli, 'kernels', ...common, ...(rehearse ? ['--filter', 'sgd_step'] : [])],
        read: readRows,
      },
      ...PRECISIONS.map((precision) => ({
        name: `bench train, ${precision}`,
        command: [...cli, 'train', ...common, ...some, '--precision', precision],
        read: (ran) => readRows(ran, { precision }),
      })),
    ];
  },
};

// ---- PyTorch ----

/** Steps of bench:peers: each { name, args }. */
function peerSteps(context, list) {
  const { python, rehearse, at } = context;
  const main = at('build', 'bench', 'peers', 'main.js');
  if (!existsSync(main)) return { notRun: 'build/bench is not built: npx tsc -p bench/peers' };
  if (python.reason !== undefined) return { notRun: python.reason };
  const more = ['--device', 'cuda', '--python', python.path, '--json', ...(rehearse ? ['--torch-device', 'cpu'] : [])];
  return list.map(({ name, args }) => ({ name, command: [process.execPath, main, ...args, ...more], read: readRows }));
}

const gemm = {
  name: 'gemm',
  weight: 30,
  how: 'evenly',
  steps(context) {
    const size = context.rehearse ? ['--largest', '512'] : context.quick ? ['--largest', '4096'] : [];
    const list = PRECISIONS.map((precision) => ({
      name: `gemm, ${precision}`,
      args: ['--gemm', '--precision', precision, '--repeats', '3', ...size],
    }));
    return peerSteps(context, list);
  },
};

const conv = {
  name: 'conv',
  weight: 50,
  how: 'evenly',
  steps(context) {
    const size = context.rehearse
      ? ['--models', 'lenet', '--batch', '1']
      : context.quick
        ? ['--models', 'vgg11', '--batch', '64']
        : [];
    const list = PRECISIONS.map((precision) => ({
      name: `conv, ${precision}`,
      args: ['--conv', '--precision', precision, '--repeats', '3', ...size],
    }));
    return peerSteps(context, list);
  },
};

const GRAPHS = 'nchw,channels_last,channels_last+graph';
const COMPILED = 'channels_last+compile,channels_last+compile+graph';

const peers = {
  name: 'peers',
  weight: 150,
  how: 'evenly',
  steps(context) {
    const { quick, rehearse } = context;
    const models = rehearse ? '2-8-1' : quick ? 'lenet,resnet18' : 'lenet,cnn4,vgg11,resnet18,mlp';
    const one = (mode, precision, variants, what) => ({
      name: `${mode}, ${precision}, ${what}`,
      args: [
        '--models',
        models,
        '--mode',
        mode,
        '--precision',
        precision,
        '--variants',
        rehearse ? 'nchw' : variants,
        '--repeats',
        '3',
      ],
    });
    const eager = ['train', 'infer'].flatMap((mode) =>
      PRECISIONS.map((p) => one(mode, p, GRAPHS, 'PyTorch eager and as a graph')),
    );
    // A minute or more each: last.
    const compiled = ['train', 'infer'].flatMap((mode) =>
      PRECISIONS.map((p) => one(mode, p, COMPILED, 'PyTorch compiled')),
    );
    if (quick) return peerSteps(context, eager.slice(0, 3));
    return peerSteps(context, rehearse ? eager : [...eager, ...compiled]);
  },
};

/** In the order in which they run. Those that `gate` make the exit code 1. */
export const stages = [{ ...tests, gate: true }, { ...sanitizer, gate: true }, mnist, bench, gemm, conv, peers];

/** The status of a stage, from its steps'. */
export function statusOf(results) {
  if (results.some(({ status }) => status === 'failed')) return 'failed';
  if (results.some(({ status }) => status === 'time limit')) return 'time limit';
  const ran = results.filter(({ status }) => status === 'done').length;
  if (ran === 0) return 'not run';
  return ran === results.length ? 'done' : 'partly run';
}
