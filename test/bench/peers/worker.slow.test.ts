/** The talk with a rival's process, with a small process in its place. */
import { expect, test } from 'vitest';
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
