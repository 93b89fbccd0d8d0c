/** The help of every command: it has examples, and these name options that the command has. */
import { expect, test } from 'vitest';
import { runCommand } from '../helpers/fake-io.js';

async function help(...command: string[]): Promise<string> {
  const { code, io } = await runCommand([...command, '--help']);
  expect(code).toBe(0);
  return io.stdout;
}

test('every command has examples of options that it has', async () => {
  const commands = [...(await help()).matchAll(/^ {2}(\w+)/gm)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'help');
  expect(commands).toEqual(
    expect.arrayContaining(['train', 'evaluate', 'predict', 'bench', 'linear', 'export', 'convert']),
  );
  expect(commands).toEqual(expect.arrayContaining(['report', 'doctor', 'data', 'build']));
  for (const name of commands) {
    const [options, examples] = (await help(name)).split('\nExamples:\n');
    expect(examples, name).toMatch(new RegExp(`^  \\$ steepest ${name}`));
    for (const [option] of examples!.matchAll(/--[\w-]+/g)) expect(options, name).toContain(option);
  }
});
