// Builds what is missing or out of date: the kernel table, dist/ (TypeScript), build/Release/steepest.node (C++, and CUDA).
//   node tools/build.mjs [--force] [--no-native] [--required] [--cuda] [--shim]
// CUDA is compiled where there is nvcc and a GPU, or where --cuda asks for it: that takes as long as all the rest.
// --shim: build/Release/steepest-shim.node too, which runs the CUDA kernels on the host, for tests (x86-64 Linux).
// One line a stage that had work to do. Without a compiler or CMake it says so and leaves the addon out: the reference path works without
// (--required: and ends with code 1).
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { generateKernels } from './generate-kernels.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const at = (...path) => join(root, ...path);

/** Time of the newest file at or under `paths`; 0 where there is none. */
function newest(...paths) {
  let time = 0;
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const status = statSync(path);
    const inside = status.isDirectory() ? newest(...readdirSync(path).map((name) => join(path, name))) : 0;
    time = Math.max(time, inside, status.mtimeMs); // a folder's own time tells of files that went
  }
  return time;
}

/** The first of `names` that is a program on the path; undefined where none is. */
function findProgram(names, path = process.env.PATH ?? '') {
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  for (const name of names)
    for (const folder of path.split(delimiter))
      for (const ending of endings) if (folder !== '' && existsSync(join(folder, name + ending))) return name;
  return undefined;
}

/** The file of a package's program, or undefined where the package is not installed. */
function packageFile(name, file) {
  try {
    return join(dirname(require.resolve(`${name}/package.json`)), file);
  } catch {
    return undefined;
  }
}

function run(program, ...args) {
  const { status, signal, stdout, stderr } = spawnSync(program, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  return { ok: status === 0, log: `${stdout}${stderr}${signal ? `ended by ${signal}\n` : ''}` };
}

function report(stage, start) {
  console.log(`built ${stage} in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

/** @returns {boolean} false on an error, which is on the screen */
export function buildTypeScript(force) {
  if (!existsSync(at('lib'))) return true; // an installed package: dist came with it
  const stamp = at('build', 'typescript.stamp');
  const fresh = newest(stamp) >= newest(at('lib'), at('tsconfig.json')) && existsSync(at('dist', 'index.js'));
  if (fresh && !force) return true;
  const start = performance.now();
  const tsc = packageFile('typescript', 'bin/tsc');
  if (tsc === undefined) {
    console.error('steepest: TypeScript is not installed (npm ci), so dist/ cannot be built');
    return false;
  }
  const { ok, log } = run(process.execPath, tsc, '-p', 'tsconfig.json');
  if (!ok) {
    console.error(log);
    return false;
  }
  const cli = at('dist', 'cli', 'main.js');
  if (existsSync(cli)) chmodSync(cli, 0o755);
  mkdirSync(at('build'), { recursive: true });
  writeFileSync(stamp, '');
  report('dist', start);
  return true;
}

/** What the native build cannot do without. */
function missingTools(path = process.env.PATH) {
  const missing = [];
  if (findProgram(['cmake'], path) === undefined) missing.push('CMake');
  const compiler = process.env.CXX ? [process.env.CXX.split('/').pop()] : ['c++', 'g++', 'clang++', 'cl'];
  if (findProgram(compiler, path) === undefined && !existsSync(process.env.CXX ?? '')) missing.push('a C++ compiler');
  if (findProgram(['ninja', 'make', 'msbuild'], path) === undefined) missing.push('Ninja or make');
  for (const name of ['node-addon-api', 'node-api-headers'])
    if (packageFile(name, '') === undefined) missing.push(`the package ${name}`);
  return missing;
}

/** Whether this machine has an NVIDIA GPU, as its driver tells. */
const hasGpu = () => existsSync('/proc/driver/nvidia/version') || findProgram(['nvidia-smi']) !== undefined;

/** What the build there was configured with; '' where there is none. */
function configuration() {
  const cache = at('build', 'CMakeCache.txt');
  return existsSync(cache) ? readFileSync(cache, 'utf8') : '';
}

/** Whether the build there was asked for CUDA, be there an nvcc or not. */
const askedForCuda = () => configuration() !== '' && !/^STEEPEST_WITHOUT_CUDA:[A-Z]+=ON$/m.test(configuration());

/** Whether the build there has CUDA. */
export const hasCuda = () => askedForCuda() && /^CUDART:FILEPATH=(?!.*NOTFOUND)./m.test(configuration());

const built = {
  steepest: 'the native addon',
  'steepest-shim': 'its twin with CUDA kernels on the host',
  'steepest-cpu': 'its twin without CUDA',
};

/**
 * @param target a key of `built`
 * @param required whether it is an error that there is no compiler
 */
export function buildAddon(target, { force = false, cuda = false, required = false } = {}) {
  const addon = at('build', 'Release', `${target}.node`);
  const sources = newest(at('native'), at('cuda'), at('CMakeLists.txt'), at('tools', 'generate-kernels.mjs'));
  const withCuda = cuda || hasGpu() || askedForCuda();
  if (!force && newest(addon) >= sources && (!cuda || askedForCuda())) return true;
  const missing = missingTools();
  if (missing.length > 0) {
    console.error(`steepest: the native addon was not built: ${missing.join(', ')} not found.`);
    console.error('steepest: the reference path (TypeScript, slow) will be used.');
    return !required;
  }
  const start = performance.now();
  const generator =
    existsSync(at('build', 'CMakeCache.txt')) || findProgram(['ninja']) === undefined ? [] : ['-G', 'Ninja'];
  const configured = run(
    'cmake',
    '-S',
    root,
    '-B',
    at('build'),
    ...generator,
    `-DSTEEPEST_WITHOUT_CUDA=${withCuda ? 'OFF' : 'ON'}`,
  );
  const cores = String(availableParallelism());
  const { ok, log } = configured.ok
    ? run('cmake', '--build', at('build'), '--target', target, '--parallel', cores, ...(force ? ['--clean-first'] : []))
    : configured;
  if (!ok) {
    console.error(log);
    return false;
  }
  const now = new Date();
  utimesSync(addon, now, now); // also where nothing had to be linked anew
  const loads = spawnSync(process.execPath, ['-e', 'require(process.argv[1])', addon], { encoding: 'utf8' });
  if (loads.status !== 0) {
    console.error(`${target}.node was built but does not load:\n${loads.stderr}`);
    return false;
  }
  const kind = /^-- steepest: (with.*)$/m.exec(configured.log)?.[1];
  report(target === 'steepest' ? `${built[target]} (${kind})` : built[target], start);
  return true;
}

function main(args) {
  const known = ['--force', '--no-native', '--required', '--cuda', '--shim'];
  const unknown = args.find((arg) => !known.includes(arg));
  if (unknown !== undefined) {
    console.error(`unknown option '${unknown}'; known: ${known.join(', ')}`);
    return 1;
  }
  const force = args.includes('--force');
  generateKernels();
  if (!buildTypeScript(force)) return 1;
  if (args.includes('--no-native')) return 0;
  const required = args.includes('--required');
  if (!buildAddon('steepest', { force, cuda: args.includes('--cuda'), required })) return 1;
  const shim = args.includes('--shim') && process.platform === 'linux' && process.arch === 'x64';
  return !shim || buildAddon('steepest-shim', { force, required }) ? 0 : 1;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exit(main(process.argv.slice(2)));
