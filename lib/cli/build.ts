/** `steepest build`: compiles the native addon from the source that came with the package, where no package of the platform has one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Command } from 'commander';
import { FAILED, type Io, OK } from './io.js';
import { examples } from './values.js';

const script = join(__dirname, '..', '..', 'tools', 'build.mjs');

export function buildCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('build')
    .description('compile the native addon from the source that came with the package (CMake, a C++17 compiler)')
    .option('--cuda', 'with CUDA though there is no GPU; needs nvcc, and takes twice as long')
    .option('--force', 'compile everything again')
    .addHelpText('after', examples('build', 'build --cuda'))
    .action(async (options: { cuda?: boolean; force?: boolean }) => {
      const args = Object.keys(options).map((name) => `--${name}`);
      const child = spawn(process.execPath, [script, '--required', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.setEncoding('utf8').on('data', (text: string) => io.out(text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => io.err(text));
      const free = io.onInterrupt(() => child.kill('SIGINT'));
      const [code] = (await once(child, 'close')) as [number | null];
      free();
      finish(code === 0 ? OK : FAILED);
    });
}
