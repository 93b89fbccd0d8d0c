// Makes the packages that are published, and prints their sizes: npm run pack [-- --no-build] [--out FOLDER]
//   steepest                   JavaScript and the source of the addon; asks for the next as optional dependencies
//   @steepest/<platform>       the addon for this machine's platform
//   @steepest/<platform>-cuda  with CUDA, where it was built so; installed by name, or by npm beside the first
// --no-build: what is in build/ and dist/ as it is, and no package without CUDA where the addon has it (tests).
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildAddon, buildTypeScript, hasCuda } from './build.mjs';
import { generateKernels } from './generate-kernels.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const platform = `${process.platform}-${process.arch}`;
const MOST = 100e6;

function run(program, args, cwd) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
  return stdout;
}

/** Packs a folder; the path and sizes of the archive. */
function pack(folder, out) {
  const [{ filename, size, unpackedSize }] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', out], folder),
  );
  return { file: join(out, filename), size, unpackedSize };
}

/** The package of an addon. `addon`: its file. */
function packAddon(name, description, addon, out) {
  const folder = join(out, 'stage', name);
  mkdirSync(folder, { recursive: true });
  copyFileSync(addon, join(folder, 'steepest.node'));
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  const { version, license, engines } = manifest;
  const of = { os: [process.platform], cpu: [process.arch], ...(process.platform === 'linux' && { libc: ['glibc'] }) };
  const text = { name, version, description, license, engines, ...of, main: 'steepest.node', files: ['steepest.node'] };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(text, null, 2)}\n`);
  writeFileSync(join(folder, 'README.md'), `# ${name}\n\n${description}. Installed by the package steepest.\n`);
  return { name, ...pack(folder, out) };
}

/** The main package: without what only its makers need, and with the packages of `platforms` as optional dependencies. */
function packMain(platforms, out) {
  const { file } = pack(root, out);
  const stage = join(out, 'stage', 'main');
  mkdirSync(stage, { recursive: true });
  run('tar', ['-xzf', file, '-C', stage]);
  rmSync(file);
  const { devDependencies, scripts, ...rest } = manifest;
  const optionalDependencies = Object.fromEntries(platforms.map((name) => [name, manifest.version]));
  writeFileSync(
    join(stage, 'package', 'package.json'),
    `${JSON.stringify({ ...rest, optionalDependencies }, null, 2)}\n`,
  );
  return { name: manifest.name, ...pack(join(stage, 'package'), out) };
}

function build() {
  generateKernels();
  const required = true;
  if (!buildTypeScript(false) || !buildAddon('steepest', { cuda: true, required })) throw new Error('the build failed');
  if (hasCuda() && !buildAddon('steepest-cpu', { required })) throw new Error('the build failed');
}

const options = { out: { type: 'string', default: join(root, 'build', 'packages') }, 'no-build': { type: 'boolean' } };
const { values } = parseArgs({ options });
const out = resolve(values.out);
rmSync(join(out, 'stage'), { recursive: true, force: true });
mkdirSync(out, { recursive: true });
if (!values['no-build']) build();
const release = (name) => join(root, 'build', 'Release', name);
const plain = release(hasCuda() ? 'steepest-cpu.node' : 'steepest.node');
const packages = [];
if (existsSync(plain) && !(values['no-build'] && hasCuda()))
  packages.push(packAddon(`@steepest/${platform}`, `steepest's kernels for ${platform}`, plain, out));
if (hasCuda())
  packages.push(
    packAddon(
      `@steepest/${platform}-cuda`,
      `steepest's kernels for ${platform}, with CUDA`,
      release('steepest.node'),
      out,
    ),
  );
packages.push(
  packMain(
    packages.map(({ name }) => name),
    out,
  ),
);
rmSync(join(out, 'stage'), { recursive: true });
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(2)} MB`;
for (const { name, file, size, unpackedSize } of packages)
  console.log(`${name}  ${megabytes(size)} packed, ${megabytes(unpackedSize)} unpacked  ${file}`);
const large = packages.filter(({ file }) => statSync(file).size > MOST);
for (const { name } of large) console.error(`${name} is larger than ${megabytes(MOST)}`);
process.exitCode = large.length > 0 ? 1 : 0;
