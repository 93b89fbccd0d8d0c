/**
 * `npm run onnx:check`: runs what toOnnx writes by Microsoft's ONNX Runtime and compares with predict. The runtime (300 MB, for all platforms at
 * once) is no dependency: it is installed into build/onnxruntime the first time, without its install script, which would fetch CUDA. Where it is
 * there, `npm test` runs this check too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? '.', '..');
const folder = join(root, 'build', 'onnxruntime');
const VERSION = '1.30.0';

function run(command, args, options) {
  const { status } = spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32', ...options });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(join(folder, 'node_modules', 'onnxruntime-node'))) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `onnxruntime-node@${VERSION}`], {
    cwd: folder,
  });
}
run('npx', ['vitest', 'run', '--project', 'slow', 'test/formats/onnxruntime.slow.test.ts'], { cwd: root });
