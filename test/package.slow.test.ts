/** The packed package as a user gets it: in an empty project, as ES module, CommonJS and TypeScript, and in worker threads. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { jpeg } from './helpers/jpeg.js';

const root = join(__dirname, '..');
const project = mkdtempSync(join(tmpdir(), 'steepest-package-'));
const run = (file: string, args: string[], cwd = project) =>
  execFileSync(file, args, { cwd, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });

function write(name: string, text: string): string {
  writeFileSync(join(project, name), text);
  return name;
}

describe('the packed package', () => {
  beforeAll(() => {
    const [packed] = JSON.parse(
      run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', project], root),
    );
    mkdirSync(join(project, 'node_modules'));
    run('tar', ['-xzf', packed.filename]);
    run('mv', ['package', 'node_modules/steepest']);
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const name of [...Object.keys(dependencies), 'lodash', 'platform', '@types'])
      if (existsSync(join(root, 'node_modules', name))) {
        mkdirSync(join(project, 'node_modules', name, '..'), { recursive: true });
        symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
      }
    write('package.json', '{ "private": true }');
  });
  afterAll(() => rmSync(project, { recursive: true, force: true }));

  it('runs nothing at installation', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    for (const hook of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(hook);
    expect(existsSync(join(root, 'binding.gyp'))).toBe(false);
  });

  const body = `
    const model = sequential({ inputShape: [2], device: 'reference', seed: 3 }, [dense({ units: 2 })]);
    model.fit({ x: Float32Array.of(0, 1, 1, 0), y: [0, 1] }, { epochs: 2 }).then((history) => console.log(history.epochs.length));`;

  it('trains from an ES module, from CommonJS and from a worker thread', () => {
    const esm = write('a.mjs', `import { dense, sequential } from 'steepest';${body}`);
    const cjs = write('b.cjs', `const { dense, sequential } = require('steepest');${body}`);
    const worker = write(
      'c.mjs',
      `import { Worker } from 'node:worker_threads'; new Worker(new URL('./a.mjs', import.meta.url));`,
    );
    for (const file of [esm, cjs, worker]) expect(run(process.execPath, [file]).trim()).toBe('2');
  });

  it('type-checks for both kinds of TypeScript module', () => {
    const source = `import { dense, sequential, type Model } from 'steepest';
      const model: Model = sequential({ inputShape: [2] }, [dense({ units: 2 })]);
      export const done: PromiseLike<unknown> = model.fit({ x: [[0, 1]], y: [0] }, { epochs: 1 });`;
    const options = '--noEmit --strict --module nodenext --target es2022 --lib es2023,esnext.disposable --types node';
    const tsc = join(root, 'node_modules/typescript/bin/tsc');
    run(process.execPath, [tsc, ...options.split(' '), write('d.mts', source), write('e.cts', source)]);
    write('f.mts', source.replace('units: 2', "units: 'two'"));
    expect(() => run(process.execPath, [tsc, ...options.split(' '), 'f.mts'])).toThrow();
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
