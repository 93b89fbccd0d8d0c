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
import { memoryOf, type PeerResult, type PeerRow, rowsOf, stepsOfTurn, TOLERANCES, table, timesOf } from './compare.js';
import { benchConv } from './conv.js';
import { Crew } from './crew.js';
import { KEEP_MEMORY, torchEnvironment } from './environment.js';
import { benchGemm } from './gemm.js';
import { gpuOf } from './gpu.js';
import { benchLearn } from './learn.js';
import { isGpu, type Mode, type PeerOptions, readOptions, usage } from './options.js';
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
  { repeats, steps: asked, threads, precision }: PeerOptions,
  failures: Failures,
): Promise<Omit<PeerResult, 'versions'>[]> {
  const { model, mode, batch, network } = subject;
  const ours: Rival = { name: 'steepest', check: (n) => player.check(n), run: (n) => player.run(n) };
  const [rivals, losses] = await agreeing(ours, others, mode, failures, TOLERANCES[precision]);
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
  const rows = rowsOf({ model, mode, threads, batch, device: network.backend.name, precision }, times);
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

async function one(model: string, mode: Mode, options: PeerOptions, crew: Crew): Promise<PeerResult[]> {
  const { batch, device, precision, torchDevice, threads, variants, tfjs, malloc } = options;
  const folder = mkdtempSync(join(tmpdir(), 'steepest-peers-'));
  const versions = ownVersions();
  const failures = new Failures(say);
  let player: SteepestPlayer | undefined;
  const enter = async (
    name: string,
    variant: string,
    command: string,
    args: string[],
    env?: Record<string, string>,
  ) => {
    const worker = crew.worker(name, command, args, env);
    try {
      Object.assign(versions, (await worker.ask<Versions>('load', folder)).versions);
      return [rivalOf(worker, name, variant)];
    } catch (error) {
      failures.add(name, error as Error);
      return [];
    }
  };
  try {
    const subject = makeSubject({ model, mode, batch, device, threads, precision });
    versions.backend = subject.network.backend.description;
    writeSubject(folder, subject);
    player = new SteepestPlayer(subject);
    const environment = { ...torchEnvironment(threads), ...(malloc === 'keep' && KEEP_MEMORY) };
    const torchArgs = [join(here, 'torch_worker.py'), `${threads}`, torchDevice, precision];
    const entering = variants.map((variant) =>
      enter(`torch:${variant}`, variant, options.python, torchArgs, environment),
    );
    versions.torchMalloc = malloc;
    if (tfjs !== undefined)
      entering.push(enter('tfjs', 'wasm', process.execPath, [join(here, 'tfjs-worker.mjs'), tfjsFolder(tfjs)]));
    const rivals = (await Promise.all(entering)).flat();
    const results: PeerResult[] = [];
    for (const result of await compare(subject, player, rivals, options, failures)) {
      const torch = result.rival === 'torch';
      const extra = torch && {
        ...(options.memory && (await memory(result, folder, options).catch((error) => failures.add('memory', error)))),
        ...(Object.keys(failures.messages).length > 0 && { failed: failures.messages }),
      };
      results.push({ ...result, ...extra, versions });
    }
    crew.rest(Object.keys(failures.messages));
    return results;
  } catch (error) {
    crew.close();
    throw error;
  } finally {
    player?.dispose();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A line for those who watch. */
function sentence({ rival, steepestMs, torchMs, torchVariant, tfjsMs, steepestMiB, torchMiB }: PeerRow): string {
  const theirs = rival === 'torch' ? `torch ${torchMs} ms (${torchVariant})` : `tfjs ${tfjsMs} ms`;
  return `  ${steepestMs} ms, ${theirs}${torchMiB === undefined ? '' : `; ${steepestMiB} MiB, torch ${torchMiB} MiB`}`;
}

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv);
  const { json, threads, device, precision } = options;
  const gpu = gpuOf(device);
  if (options.tfjs === undefined && gpu === undefined) say('tfjs is left out: --tfjs auto lets it take part');
  const results: PeerResult[] = [];
  const crew = new Crew(isGpu(device));
  for (const model of options.models)
    for (const mode of options.modes) {
      say(`${model} ${mode}, ${gpu === undefined ? `${threads} threads` : `${device}, ${precision}`}`);
      try {
        for (const result of await one(model, mode, options, crew)) {
          results.push(result);
          const { steps, repeats, times, losses, versions, ...row } = result;
          if (json) printJson(row);
          else say(sentence(row));
        }
      } catch (error) {
        process.exitCode = 1;
        const { message } = error as Error;
        if (json) printJson({ bench: 'peer', model, mode, threads, device, precision, error: message });
        say(`  ${message}`);
      }
    }
  crew.close();
  if (!json && results.length > 0) {
    const { cpu, processors } = machine();
    const where = gpu === undefined ? `${cpu}, ${processors} processors` : `${gpu.name}, ${precision}`;
    process.stdout.write(`\n${where}; ms a step: median (least-most); ratio: the rival / steepest\n`);
    process.stdout.write(`${table(results)}\n`);
  }
  if (options.write && results.length > 0)
    say(`written: ${writeResults(join(root, 'bench', 'results'), results, gpu)}`);
}

const help = async () => void process.stdout.write(`${usage}\n`);
const benches = { '--gemm': benchGemm, '--conv': benchConv, '--learn': benchLearn };

async function start(argv: readonly string[]): Promise<void> {
  const named = Object.entries(benches).find(([flag]) => argv.includes(flag))?.[1];
  await (argv.includes('--help') ? help : (named ?? main))(argv);
}

start(process.argv.slice(2)).catch((error: Error) => {
  say(error.message);
  process.exitCode = 1;
});
