/** Examples in Markdown files, run as programs of their own. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..', '..');

/** The JavaScript examples of a file, named from the project's folder. */
export function examplesOf(file: string): string[] {
  return [...readFileSync(join(root, file), 'utf8').matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code!);
}

/** What a program prints, line by line. Throws where it fails. */
export function runExample(program: string): string[] {
  const file = join(root, 'examples', `${process.pid}-${Math.random().toString(36).slice(2)}.mjs`); // 'steepest' is found from there
  writeFileSync(file, program);
  try {
    return execFileSync(process.execPath, [file], { encoding: 'utf8' }).trim().split('\n');
  } finally {
    rmSync(file);
  }
}
