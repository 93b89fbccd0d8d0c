/**
 * The rivals' bench: steepest and PyTorch (and tfjs) on the same networks, weights and batch, in turns within one run, since the speed of a
 * shared machine changes from minute to minute. First all must compute the same outputs and losses; then every round gives each rival a
 * turn, beginning with another one each time; the medians over the rounds are compared.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkLosses, checkOutputs, type PeerResult, round, rowOf, stepsOfTurn, table, timesOf } from './compare.js';
import { benchGemm } from './gemm.js';
import { type Mode, type PeerOptions, readOptions, usage } from './options.js';
import { type Checked, SteepestPlayer, type Turn } from './player.js';
import { commit, machine, writeResults } from './results.js';
import { makeSubject, root, type Subject, writeSubject } from './subject.js';
import { Worker } from './worker.js';

const CHECK_STEPS = 3;
/** Of the slowest rival's turn. */
const TURN_MILLISECONDS = 200;
/** Before each turn, so that the threads of the one before have gone to sleep. */
const PAUSE_MILLISECONDS = 20;

/**
 * Each step of PyTorch's on a CPU allocates its tensors anew. By default glibc gives large blocks back to the system when they are freed, and
 * a step then spends up to two thirds of its time in page faults (lenet 128, 2 threads of a virtual EPYC: 95 ms, 39 ms with these).
 */
const KEEP_MEMORY = {
  MALLOC_MMAP_THRESHOLD_: `${2 ** 30}`,
  MALLOC_TRIM_THRESHOLD_: `${2 ** 30}`,
  MALLOC_TOP_PAD_: `${2 ** 26}`,
};

const here = join(root, 'bench', 'peers');
const say = (text: string) => process.stderr.write(`${text}\n`);
const printJson = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

interface Rival {
  readonly name: string;
  check(steps: number): Promise<Checked & { readonly trains?: boolean }>;
  run(steps: number): Promise<Turn>;
}

const rivalOf = (worker: Worker, name: string, variant: string): Rival => ({
  name,
  check: (steps) => worker.ask('check', variant, steps),
  run: (steps) => worker.ask('run', variant, steps),
});

/** The rivals that can do what is asked; throws where one computes something else. */
async function agreeing(rivals: readonly Rival[], ours: Checked, mode: Mode): Promise<[Rival[], PeerResult['losses']]> {
  const kept: Rival[] = [];
  const losses: Record<string, readonly number[]> = { steepest: ours.losses };
  for (const rival of rivals) {
    const theirs = await rival.check(CHECK_STEPS);
    checkOutputs(rival.name, ours.outputs, theirs.outputs);
    if (theirs.trains === false && mode === 'train') {
      say(`  ${rival.name} cannot train this network: left out`);
      continue;
    }
    if (theirs.trains !== false) {
      checkLosses(rival.name, ours.losses, theirs.losses);
      losses[rival.name] = theirs.losses;
    }
    kept.push(rival);
  }
  return [kept, losses];
}

/** Turns of all rivals, round after round: milliseconds a step by rival. */
async function play(
  rivals: readonly Rival[],
  stepsOf: (name: string) => number,
  repeats: number,
): Promise<Record<string, number[]>> {
  const times: Record<string, number[]> = Object.fromEntries(rivals.map(({ name }) => [name, []]));
  for (let i = 0; i < repeats; i++)
    for (let j = 0; j < rivals.length; j++) {
      const rival = rivals[(i + j) % rivals.length]!;
      await sleep(PAUSE_MILLISECONDS);
      const { ms, finite } = await rival.run(stepsOf(rival.name));
      if (!finite) throw new Error(`${rival.name}: the last step of a turn came to no number`);
      times[rival.name]!.push(ms);
    }
  return times;
}

async function compare(
  subject: Subject,
  player: SteepestPlayer,
  others: readonly Rival[],
  { repeats, steps: asked, threads }: PeerOptions,
): Promise<Omit<PeerResult, 'versions'>> {
  const { model, mode, batch, network } = subject;
  const ours: Rival = { name: 'steepest', check: (n) => player.check(n), run: (n) => player.run(n) };
  const [rivals, losses] = await agreeing(others, await ours.check(CHECK_STEPS), mode);
  rivals.unshift(ours);
  // Twice: the first time is that of warming up.
  await play(rivals, () => 1, 1);
  const { tfjs, ...first } = await play(rivals, () => 1, 1);
  // Those that are compared take as many steps each; tfjs, which may be far slower, has its own number.
  const stepsFor = (ms: number) => asked || stepsOfTurn(ms, TURN_MILLISECONDS, player.mostSteps);
  const steps = stepsFor(Math.max(...Object.values(first).flat()));
  const milliseconds = await play(rivals, (name) => (name === 'tfjs' ? stepsFor(tfjs![0]!) : steps), repeats);
  const times = Object.fromEntries(Object.entries(milliseconds).map(([name, list]) => [name, timesOf(list)]));
  const row = rowOf({ model, mode, threads, batch, device: network.backend.name }, times);
  return { ...row, steps, repeats, times, losses };
}

interface Versions {
  readonly versions: Readonly<Record<string, string>>;
}

function ownVersions(): Record<string, string> {
  const revision = commit(root);
  const { version } = require(join(root, 'package.json'));
  return { steepest: version, ...(revision !== undefined && { commit: revision }), node: process.version };
}

async function one(model: string, mode: Mode, options: PeerOptions): Promise<PeerResult> {
  const { batch, device, threads, variants, tfjs, malloc } = options;
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const workers: Worker[] = [];
  const versions = ownVersions();
  let player: SteepestPlayer | undefined;
  const start = async (what: string, command: string, args: readonly string[], env?: Record<string, string>) => {
    const worker = new Worker(what, command, args, env);
    workers.push(worker);
    Object.assign(versions, (await worker.ask<Versions>('load', folder)).versions);
    return worker;
  };
  try {
    const subject = makeSubject({ model, mode, batch, device, threads });
    versions.backend = subject.network.backend.description;
    writeSubject(folder, subject);
    player = new SteepestPlayer(subject);
    const environment = { OMP_NUM_THREADS: `${threads}`, ...(malloc === 'keep' && KEEP_MEMORY) };
    const torchArgs = [join(here, 'torch_worker.py'), `${threads}`];
    const torch = await start('torch', options.python, torchArgs, environment);
    versions.torchMalloc = malloc;
    const rivals = variants.map((variant) => rivalOf(torch, `torch:${variant}`, variant));
    if (tfjs !== undefined) {
      const worker = await start('tfjs', process.execPath, [join(here, 'tfjs-worker.mjs'), resolve(tfjs)]);
      rivals.push(rivalOf(worker, 'tfjs', 'wasm'));
    }
    return { ...(await compare(subject, player, rivals, options)), versions };
  } finally {
    for (const worker of workers) worker.close();
    player?.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const { json, threads, device } = options;
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  if (options.tfjs === undefined)
    say('tfjs is left out: npm install --prefix DIR @tensorflow/tfjs @tensorflow/tfjs-backend-wasm, then --tfjs DIR');
  const results: PeerResult[] = [];
  for (const model of options.models)
    for (const mode of options.modes) {
      say(`${model} ${mode}, ${threads} threads`);
      try {
        const result = await one(model, mode, options);
        results.push(result);
        const { steps, repeats, times, losses, versions, ...row } = result;
        if (json) printJson(row);
        else say(`  ${round(row.steepestMs)} ms, torch ${round(row.torchMs)} ms (${row.torchVariant})`);
      } catch (error) {
        process.exitCode = 1;
        const { message } = error as Error;
        if (json) printJson({ bench: 'peer', model, mode, threads, device, error: message });
        say(`  ${message}`);
      }
    }
  if (!json && results.length > 0) {
    const { cpu, processors } = machine();
    process.stdout.write(
      `\n${cpu}, ${processors} processors; ms a step: median (least-most); ratio: torch / steepest\n`,
    );
    process.stdout.write(`${table(results)}\n`);
  }
  if (options.write && results.length > 0) say(`written: ${writeResults(join(root, 'bench', 'results'), results)}`);
}

const argv = process.argv.slice(2);
(argv.includes('--gemm') && !argv.includes('--help') ? benchGemm(argv) : main()).catch((error: Error) => {
  say(error.message);
  process.exitCode = 1;
});
