/** The talk with a rival's process, with a small process in its place. */
import { describe, expect, test } from 'vitest';
import { Crew } from '../../../bench/peers/crew.js';
import { Worker } from '../../../bench/peers/worker.js';

const child = `
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    if (line === 'die') { console.error('out of memory'); process.exit(3); }
    console.log(JSON.stringify(line === 'fail' ? { error: 'no such thing' } : { line }));
  });`;
const start = () => new Worker('rival', process.execPath, ['-e', child]);

test('answers come in the order of the questions; an error of one leaves the others', async () => {
  const worker = start();
  const asked = [worker.ask('run', 'nchw', 7), worker.ask('fail'), worker.ask('check')];
  const answers = await Promise.allSettled(asked);
  expect(answers[0]).toEqual({ status: 'fulfilled', value: { line: 'run nchw 7' } });
  expect(answers[1]).toMatchObject({ status: 'rejected', reason: { message: 'rival: no such thing' } });
  expect(answers[2]).toEqual({ status: 'fulfilled', value: { line: 'check' } });
  worker.close();
});

test('the end of the process is told, with its last words', async () => {
  const worker = start();
  await expect(worker.ask('die')).rejects.toThrow('rival: the process ended (3): out of memory');
  await expect(worker.ask('run')).rejects.toThrow('the process ended (3)');
});

test('a command that is not there', async () => {
  const worker = new Worker('torch', '/no/such/python', []);
  await expect(worker.ask('load')).rejects.toThrow(/torch: .*ENOENT/);
});

describe('a crew', () => {
  const pid = `require('node:readline').createInterface({ input: process.stdin }).on('line', () => console.log(process.pid));`;
  const ask = (crew: Crew, name: string) => crew.worker(name, process.execPath, ['-e', pid]).ask<number>('pid');

  test('that is kept: the same process again, another one where the rival failed', async () => {
    const crew = new Crew(true);
    const [a, b] = [await ask(crew, 'a'), await ask(crew, 'b')];
    expect(a).not.toBe(b);
    crew.rest(['b']);
    expect(await ask(crew, 'a')).toBe(a);
    expect(await ask(crew, 'b')).not.toBe(b);
    crew.close();
  });

  test('that is not kept: new processes each time', async () => {
    const crew = new Crew(false);
    const first = await ask(crew, 'a');
    crew.rest([]);
    expect(await ask(crew, 'a')).not.toBe(first);
    crew.close();
  });
});
