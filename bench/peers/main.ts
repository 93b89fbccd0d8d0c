/**
 * The rivals' bench: steepest and PyTorch (and tfjs) on the same networks, weights and batch, in turns within one run, since the speed of a
 * shared machine changes from minute to minute. First all must compute the same outputs and losses; then every round gives each rival a
 * turn, beginning with another one each time; the medians over the rounds are compared.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { agreeing, Failures, type Rival } from './agree.js';
import { memoryOf, type PeerResult, type PeerRow, rowsOf, stepsOfTurn, table, timesOf } from './compare.js';
import { KEEP_MEMORY, torchEnvironment } from './environment.js';
import { benchGemm } from './gemm.js';
import { benchLearn } from './learn.js';
import { type Mode, type PeerOptions, readOptions, usage } from './options.js';
import { SteepestPlayer } from './player.js';
import { commit, machine, writeResults } from './results.js';
import { makeSubject, root, type Subject, writeSubject } from './subject.js';
import { play } from './turns.js';
import { Worker } from './worker.js';

/** Of a run whose memory is measured. */
const MEMORY_STEPS = 10;
/** Of the slowest rival's turn. */
const TURN_MILLISECONDS = 200;

const here = join(root, 'bench', 'peers');
const say = (text: string) => process.stderr.write(`${text}\n`);
const printJson = (value: unknown) => process.stdout.write(`${JSON.stringify(value)}\n`);

const rivalOf = (worker: Worker, name: string, variant: string): Rival => ({
  name,
  check: (steps) => worker.ask('check', variant, steps),
  run: (steps) => worker.ask('run', variant, steps),
});

async function compare(
  subject: Subject,
  player: SteepestPlayer,
  others: readonly Rival[],
  { repeats, steps: asked, threads }: PeerOptions,
  failures: Failures,
): Promise<Omit<PeerResult, 'versions'>[]> {
  const { model, mode, batch, network } = subject;
  const ours: Rival = { name: 'steepest', check: (n) => player.check(n), run: (n) => player.run(n) };
  const [rivals, losses] = await agreeing(ours, others, mode, failures);
  if (rivals.length === 0) throw new Error(Object.values(failures.messages)[0] ?? 'no rival can do this');
  rivals.unshift(ours);
  // Twice: the first time is that of warming up.
  await play(rivals, () => 1, 1);
  const { tfjs, ...first } = await play(rivals, () => 1, 1);
  // Those that are compared take as many steps each; tfjs, which may be far slower, has its own number.
  const stepsFor = (ms: number) => asked || stepsOfTurn(ms, TURN_MILLISECONDS, player.mostSteps);
  const steps = stepsFor(Math.max(...Object.values(first).flat()));
  const milliseconds = await play(rivals, (name) => (name === 'tfjs' ? stepsFor(tfjs![0]!) : steps), repeats);
  const times = Object.fromEntries(Object.entries(milliseconds).map(([name, list]) => [name, timesOf(list)]));
  const rows = rowsOf({ model, mode, threads, batch, device: network.backend.name }, times);
  return rows.map((row) => ({ ...row, steps, repeats, times, losses }));
}

interface Versions {
  readonly versions: Readonly<Record<string, string>>;
}

function ownVersions(): Record<string, string> {
  const revision = commit(root);
  const { version } = require(join(root, 'package.json'));
  return { steepest: version, ...(revision !== undefined && { commit: revision }), node: process.version };
}

/** The folder with tfjs, which npm puts there where it is missing. */
function tfjsFolder(asked: string): string {
  const folder = asked === 'auto' ? join(tmpdir(), 'steepest-tfjs') : resolve(asked);
  const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'];
  if (packages.every((name) => existsSync(join(folder, 'node_modules', name)))) return folder;
  say(`installing ${packages.join(' and ')} in ${folder}`);
  mkdirSync(folder, { recursive: true });
  const args = ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', [...args, ...packages.map((name) => `${name}@4`)], { stdio: ['ignore', 'ignore', 'inherit'] });
  return folder;
}

/** Peak resident memory of a run of steepest and of the fastest variant of PyTorch, with malloc as it is by default. */
async function memory(
  { torchVariant, model, mode }: PeerRow,
  folder: string,
  { batch, device, threads, python }: PeerOptions,
): Promise<Partial<PeerRow>> {
  const asked = JSON.stringify({ model, mode, batch, device, threads });
  const ours = execFileSync(process.execPath, [join(__dirname, 'memory-worker.js'), asked, `${MEMORY_STEPS}`]);
  const torch = new Worker('torch', python, [join(here, 'torch_worker.py'), `${threads}`], torchEnvironment(threads));
  try {
    await torch.ask('load', folder);
    const theirs = await torch.ask<{ peakKiB: number }>('memory', torchVariant!, MEMORY_STEPS);
    return memoryOf(JSON.parse(String(ours)).peakKiB, theirs.peakKiB);
  } finally {
    torch.close();
  }
}

async function one(model: string, mode: Mode, options: PeerOptions): Promise<PeerResult[]> {
  const { batch, device, threads, variants, tfjs, malloc } = options;
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const workers: Worker[] = [];
  const versions = ownVersions();
  const failures = new Failures(say);
  const rivals: Rival[] = [];
  let player: SteepestPlayer | undefined;
  /** A rival in a process of its own, so that one that fails takes no other with it. */
  const enter = async (
    name: string,
    variant: string,
    command: string,
    args: string[],
    env?: Record<string, string>,
  ) => {
    const worker = new Worker(name, command, args, env);
    workers.push(worker);
    try {
      Object.assign(versions, (await worker.ask<Versions>('load', folder)).versions);
      rivals.push(rivalOf(worker, name, variant));
    } catch (error) {
      failures.add(name, error as Error);
    }
  };
  try {
    const subject = makeSubject({ model, mode, batch, device, threads });
    versions.backend = subject.network.backend.description;
    writeSubject(folder, subject);
    player = new SteepestPlayer(subject);
    const environment = { ...torchEnvironment(threads), ...(malloc === 'keep' && KEEP_MEMORY) };
    const torchArgs = [join(here, 'torch_worker.py'), `${threads}`];
    for (const variant of variants) await enter(`torch:${variant}`, variant, options.python, torchArgs, environment);
    versions.torchMalloc = malloc;
    if (tfjs !== undefined)
      await enter('tfjs', 'wasm', process.execPath, [join(here, 'tfjs-worker.mjs'), tfjsFolder(tfjs)]);
    const results: PeerResult[] = [];
    for (const result of await compare(subject, player, rivals, options, failures)) {
      const torch = result.rival === 'torch';
      const extra = torch && {
        ...(options.memory && (await memory(result, folder, options).catch((error) => failures.add('memory', error)))),
        ...(Object.keys(failures.messages).length > 0 && { failed: failures.messages }),
      };
      results.push({ ...result, ...extra, versions });
    }
    return results;
  } finally {
    for (const worker of workers) worker.close();
    player?.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A line for those who watch. */
function sentence({ rival, steepestMs, torchMs, torchVariant, tfjsMs, steepestMiB, torchMiB }: PeerRow): string {
  const theirs = rival === 'torch' ? `torch ${torchMs} ms (${torchVariant})` : `tfjs ${tfjsMs} ms`;
  return `  ${steepestMs} ms, ${theirs}${torchMiB === undefined ? '' : `; ${steepestMiB} MiB, torch ${torchMiB} MiB`}`;
}

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  const { json, threads, device } = options;
  if (options.help) {
    process.stdout.write(`${usage}\n`);
    return;
  }
  if (options.tfjs === undefined) say('tfjs is left out: --tfjs auto lets it take part');
  const results: PeerResult[] = [];
  for (const model of options.models)
    for (const mode of options.modes) {
      say(`${model} ${mode}, ${threads} threads`);
      try {
        for (const result of await one(model, mode, options)) {
          results.push(result);
          const { steps, repeats, times, losses, versions, ...row } = result;
          if (json) printJson(row);
          else say(sentence(row));
        }
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
      `\n${cpu}, ${processors} processors; ms a step: median (least-most); ratio: the rival / steepest\n`,
    );
    process.stdout.write(`${table(results)}\n`);
  }
  if (options.write && results.length > 0) say(`written: ${writeResults(join(root, 'bench', 'results'), results)}`);
}

const argv = process.argv.slice(2);
const others = { '--gemm': benchGemm, '--learn': benchLearn };
const other = Object.entries(others).find(([flag]) => argv.includes(flag) && !argv.includes('--help'));
(other === undefined ? main() : other[1](argv)).catch((error: Error) => {
  say(error.message);
  process.exitCode = 1;
});
