/** The service of examples/service, in a process of its own: it answers while it trains, takes over weights, refuses what is wrong, ends well. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { digits } from '../../lib/data/digits.js';

const server = join(__dirname, '..', '..', 'examples', 'service', 'server.mjs');
let child: ChildProcess;
let base: string;

beforeAll(async () => {
  child = spawn(process.execPath, [server, '--port=0', '--rows=400', '--threads=1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout!.setEncoding('utf8'), 'data');
  base = String(line).trim();
}, 60_000);
afterAll(() => child.kill('SIGKILL'));

async function ask(method: string, path: string, body?: string) {
  const response = await fetch(base + path, { method, ...(body !== undefined && { body }) });
  return { status: response.status, answer: (await response.json()) as Record<string, unknown> };
}

const { x, y } = digits({ count: 40, seed: 5, split: 'test' });
const images = Array.from(y, (_, i) => Array.from(x.subarray(i * 784, (i + 1) * 784)));
const predict = (some: unknown) => ask('POST', '/predict', JSON.stringify({ images: some }));

test.each([
  ['POST', '/predict', 'no JSON', 400, /no JSON/],
  ['POST', '/predict', '{}', 400, /'images' is no array/],
  ['POST', '/predict', '{"images":[[1,2]]}', 400, /images\[0\] is not 784 numbers/],
  ['POST', '/predict', JSON.stringify({ images: [Array(784).fill(256)] }), 400, /0 \.\. 255/],
  ['POST', '/predict', ' '.repeat(5 << 20), 413, /longer than/],
  ['POST', '/train', '{"epochs":0}', 400, /'epochs'/],
  ['GET', '/elsewhere', undefined, 404, /there is no GET \/elsewhere/],
] as const)('%s %s refuses what is wrong (%#)', async (method, path, body, status, message) => {
  const refused = await ask(method, path, body);
  expect(refused.status).toBe(status);
  expect(refused.answer.error).toMatch(message);
});

/** Events of the service, until `last` or the end. */
async function events(last: string): Promise<{ event: string; data: Record<string, unknown> }[]> {
  const seen: { event: string; data: Record<string, unknown> }[] = [];
  const { body } = await fetch(`${base}/events`);
  let text = '';
  for await (const part of body!.pipeThrough(new TextDecoderStream())) {
    text += part;
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block)!;
      seen.push({ event: event!, data: JSON.parse(data!) });
      if (event === last) return seen;
    }
  }
  return seen;
}

test('answers while it trains, with the weights of the last epoch, together what comes together', async () => {
  const before = await predict(images);
  expect(before.answer).toMatchObject({ version: 0, labels: expect.any(Array) });
  const heard = events('end');
  expect(await ask('POST', '/train', '{"epochs":8}')).toEqual({ status: 202, answer: { epochs: 8 } });
  expect((await ask('POST', '/train')).status).toBe(409);
  const during = await Promise.all(images.map((image) => predict([image])));
  expect(during.map(({ status }) => status)).toEqual(images.map(() => 200));
  const seen = await heard;
  expect(seen.filter(({ event }) => event === 'epoch').map(({ data }) => data.epoch)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(seen.filter(({ event }) => event === 'reload').map(({ data }) => data.version)).toEqual([
    1, 2, 3, 4, 5, 6, 7, 8,
  ]);
  const after = await predict(images);
  expect(after.answer.version).toBe(8);
  const right = (labels: unknown) => (labels as number[]).filter((label, i) => label === y[i]).length;
  expect(right(after.answer.labels)).toBeGreaterThan(right(before.answer.labels));
  for (const row of after.answer.probabilities as number[][])
    expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 4);
}, 120_000);

test('SIGTERM ends the training, answers what was asked, and ends the process with code 0', async () => {
  await ask('POST', '/train', '{"epochs":1000}');
  expect((await ask('GET', '/status')).answer).toMatchObject({ training: true });
  const heard = events('never');
  const asked = images.slice(0, 8).map((image) => predict([image]));
  await Promise.all(asked.slice(0, 1));
  child.kill('SIGTERM');
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(8).fill(200));
  const [code] = child.exitCode === null ? await once(child, 'close') : [child.exitCode];
  expect(code).toBe(0);
  await heard; // the stream has ended
}, 60_000);
