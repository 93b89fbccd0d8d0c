// The one command for a machine with a GPU: tests, compute-sanitizer and benches, each within its time, into bench/results/<date>-<gpu>.json.
//   npm run gpu:check -- [options]        (--help lists them)
// Needs no npm registry. Without a GPU it stops at once, with exit code 1; it is 1 too where tests or the sanitizer failed, or tests did not run.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, release, tmpdir, totalmem, type } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { execute, runSteps, share } from './run.mjs';
import { stages, statusOf } from './stages.mjs';
import { summary } from './summary.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const at = (...path) => join(root, ...path);

export const usage = `npm run gpu:check -- [options]

Tests, compute-sanitizer and benches on the first GPU; everything into bench/results/<date>-<gpu>.json, with a short table at the end.

  --only LIST     stages, by comma: ${stages.map(({ name }) => name).join(', ')} (default: all)
  --seconds N     for everything (default 450; --quick 240); what does not fit is written as not run
  --quick         fewer networks, sizes and seeds
  --python PATH   a Python whose PyTorch has CUDA (default python3)
  --out FOLDER    where the results go (default bench/results)
  --no-build      take dist/ and build/ as they are
  --rehearse      without a GPU: tiny runs by the shim (STEEPEST_DATA for MNIST), to try this command out; exit code 2
MNIST is looked for in STEEPEST_DATA.`;

/** @throws Error on wrong options */
export function readOptions(argv) {
  const [text, flag] = [{ type: 'string' }, { type: 'boolean', default: false }];
  const { values } = parseArgs({
    args: [...argv],
    options: {
      only: text,
      seconds: text,
      quick: flag,
      python: { ...text, default: 'python3' },
      out: text,
      'no-build': flag,
      rehearse: flag,
      help: flag,
    },
  });
  const { quick, python, out, rehearse, help } = values;
  const known = stages.map(({ name }) => name);
  const only = values.only?.split(',').map((name) => name.trim()) ?? known;
  const unknown = only.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new RangeError(`--only: expected some of ${known.join(', ')} but received '${unknown}'`);
  const seconds = Number(values.seconds ?? (quick ? 240 : 450));
  if (!(seconds > 0)) throw new RangeError(`--seconds: expected a number > 0 but received '${values.seconds}'`);
  return { only, seconds, quick, python, out, build: !values['no-build'], rehearse, help };
}

/** '2026-01-31-nvidia-h200.json'. */
export function fileName(date, gpu) {
  const slug = gpu
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${date.toISOString().slice(0, 10)}-${slug}.json`;
}

/** Stages of an earlier run of the day stay where the new one did not run them. */
export function mergeStages(old, fresh) {
  const ran = ({ status }) => status !== 'not run';
  const kept = Object.entries(fresh).filter(([name, stage]) => ran(stage) || !(name in old) || !ran(old[name]));
  return { ...old, ...Object.fromEntries(kept) };
}

/** 1 where a stage that gates failed, ran out of time, or (tests) did not run though it was asked for. */
export function exitCode(results, only) {
  const gates = stages.filter(({ name, gate }) => gate && only.includes(name));
  const bad = ({ name }) => {
    const { status } = results[name];
    return name === 'tests' ? status !== 'done' : ['failed', 'time limit'].includes(status);
  };
  return gates.some(bad) ? 1 : 0;
}

const say = (text) => console.log(text);

/** What doctor finds; throws a sentence where there is no GPU to check. */
function findGpu(env) {
  const main = at('dist', 'cli', 'main.js');
  if (!existsSync(main)) throw new Error('dist/ is not built (npm run build, before it goes to the GPU machine)');
  const { stdout, stderr, status } = spawnSync(process.execPath, [main, 'doctor', '--json'], { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`steepest doctor failed: ${stderr.trim()}`);
  const doctor = JSON.parse(stdout);
  const { devices, reason, runtime } = doctor.cuda;
  if (devices.length === 0) throw new Error(`there is no GPU here: ${doctor.addonError ?? reason}`);
  if ((runtime === 'shim') !== (env.STEEPEST_BINDING !== undefined))
    throw new Error('the addon is not what it should be');
  return doctor.cuda;
}

function onPath(name, ...folders) {
  const all = [...(process.env.PATH ?? '').split(delimiter), ...folders].filter(Boolean);
  return all.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** The Python, or the reason why it cannot take part. */
function findPython(path, env, rehearse) {
  const script = 'import torch, sys; print(torch.__version__); sys.exit(0 if torch.cuda.is_available() else 3)';
  const { status, stdout, error } = spawnSync(path, ['-c', script], { env, encoding: 'utf8', timeout: 120_000 });
  if (status === 0 || (rehearse && status === 3)) return { path, torch: stdout.trim() };
  if (status === 3) return { reason: `PyTorch ${stdout.trim()} of ${path} finds no GPU` };
  return { reason: error === undefined ? `${path} has no PyTorch` : `${path} did not start: ${error.message}` };
}

function commit() {
  try {
    const git = (...args) => execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }).trim();
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '-uno') === '' ? '' : '+');
  } catch {
    return undefined;
  }
}

/** Brings dist/, the addon and build/bench up to date, where the compiler of TypeScript is there. */
async function build({ rehearse }, env, left) {
  const tsc = at('node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc)) return say('TypeScript is not in node_modules: dist/ and build/ are taken as they are');
  for (const args of [
    [at('tools', 'build.mjs'), ...(rehearse ? ['--no-native'] : [])],
    [tsc, '-p', 'bench/peers'],
  ]) {
    const { code, tail } = await execute([process.execPath, ...args], { cwd: root, env, seconds: left(), onLine: say });
    if (code !== 0) throw new Error(`the build failed:\n${tail.join('\n')}`);
  }
}

/** The machine, as the results tell of it; says it too. */
function describe({ devices: [gpu], driver, runtime }, smi) {
  const { name, capability, multiprocessors, memory } = gpu;
  const gib = Math.round(memory / 2 ** 30);
  say(
    `${name}, capability ${capability}, ${multiprocessors} multiprocessors, ${gib} GiB; driver ${driver}, built for ${runtime}`,
  );
  return {
    gpu: { name, capability, multiprocessors, memoryGiB: gib, driver, runtime, smi },
    cpu: cpus()[0]?.model.trim(),
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  };
}

function nvidiaSmi() {
  const fields = 'name,driver_version,memory.total,clocks.max.sm,power.limit';
  const { status, stdout } = spawnSync('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : 'nvidia-smi did not run';
}

/** What stages need to know; `origin` is told with each, which may stay in the file when others run again. */
function contextOf({ only, quick, rehearse, seconds, python: path }, env, temporary) {
  const cuda = process.env.CUDA_HOME ?? '/usr/local/cuda';
  const sanitizer = onPath('compute-sanitizer', join(cuda, 'bin'), '/usr/local/cuda/bin');
  const rivals = only.some((name) => ['gemm', 'conv', 'peers'].includes(name));
  const python = rivals ? findPython(path, env, rehearse) : {};
  const origin = { time: new Date().toISOString(), commit: commit(), torch: python.torch, budget: seconds, quick };
  return { quick, rehearse, python, sanitizer, temporary, at, data: process.env.STEEPEST_DATA, origin };
}

/** The file of results: written after each stage, so that what is there outlives whatever ends this process. */
function resultFile(folder, machine) {
  const now = new Date();
  const path = join(folder, fileName(now, machine.gpu.name));
  mkdirSync(folder, { recursive: true });
  const earlier = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).stages : {};
  const write = (results) => {
    const file = { date: now.toISOString().slice(0, 10), machine, stages: mergeStages(earlier, results) };
    writeFileSync(path, `${JSON.stringify(file, null, 2)}\n`);
  };
  return { path, write };
}

async function check(options) {
  const { only, seconds, rehearse, out } = options;
  const began = performance.now();
  const left = () => seconds - (performance.now() - began) / 1e3;
  const env = { ...process.env };
  delete env.STEEPEST_BINDING; // the addon itself, never its twin
  if (rehearse) env.STEEPEST_BINDING = at('build', 'Release', 'steepest-shim.node');
  const smi = nvidiaSmi();
  say(smi);
  // Before anything is built, where that is possible.
  if (existsSync(at('dist', 'cli', 'main.js')) && existsSync(at('build', 'Release', 'steepest.node'))) findGpu(env);
  if (options.build) await build(options, env, left);
  const machine = describe(findGpu(env), smi);
  const temporary = mkdtempSync(join(tmpdir(), 'gpu-check-'));
  const context = contextOf(options, env, temporary);
  const { path, write } = resultFile(resolve(out ?? (rehearse ? tmpdir() : at('bench', 'results'))), machine);
  const results = {};
  try {
    for (const [i, stage] of stages.entries()) {
      const { name } = stage;
      if (only.includes(name)) {
        const weights = stages.slice(i).flatMap((one) => (only.includes(one.name) ? [one.weight] : []));
        const limit = share(left(), weights);
        say(`\n${name}: at most ${Math.round(limit)} of ${Math.round(left())} s`);
        results[name] = await runStage(stage, context, { cwd: root, env, seconds: limit, say });
        if (results[name].reason !== undefined) say(`  ${results[name].status}: ${results[name].reason}`);
      } else results[name] = { status: 'not run', reason: 'not asked for' };
      write(results);
    }
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  say(`\n${summary(results)}\n`);
  say(`written: ${path}; ${Math.round((performance.now() - began) / 1e3)} s in all`);
  if (!rehearse) return exitCode(results, only);
  say('a rehearsal by the shim: nothing has run on a GPU');
  return 2;
}

/** A failure of the stage itself is its result: the others go on. */
async function runStage(stage, context, how) {
  const began = performance.now();
  try {
    const steps = stage.steps(context);
    if (steps.notRun !== undefined) return { status: 'not run', reason: steps.notRun };
    const results = await runSteps(steps, stage.how, how);
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    return { status: statusOf(results), seconds, ...context.origin, steps: results };
  } catch (error) {
    return { status: 'failed', reason: error.message };
  }
}

async function main(argv) {
  const options = readOptions(argv);
  if (options.help) return console.log(usage);
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)); // with what was started
  process.exitCode = await check(options);
}

if (process.argv[1] && import.meta.url === pathToFileURL(resolve(process.argv[1])).href)
  main(process.argv.slice(2)).catch((error) => {
    console.error(`gpu:check: ${error.message}. Nothing was checked.`);
    process.exitCode = 1;
  });
