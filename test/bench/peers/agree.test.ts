import { expect, test } from 'vitest';
import { agreeing, Failures, type Rival } from '../../../bench/peers/agree.js';
import { TOLERANCES } from '../../../bench/peers/compare.js';

const checked = { losses: [2, 1.5], outputs: [1, 2] };
const rival = (name: string, check: () => object): Rival => ({
  name,
  check: async () => ({ ...checked, ...check() }),
  run: () => Promise.reject(new Error('not yet')),
});
const ours = rival('steepest', () => ({}));
const broken = rival('torch:compile', () => {
  throw new Error('torch:compile: no compiler\nand much more');
});
const good = rival('torch:nchw', () => ({ losses: [2, 1.5001] }));

test('one that fails is left out and told; the others stay', async () => {
  const said: string[] = [];
  const failures = new Failures((text) => said.push(text));
  const [kept, losses] = await agreeing(ours, [broken, good], 'train', failures);
  expect(kept).toEqual([good]);
  expect(losses).toEqual({ steepest: [2, 1.5], 'torch:nchw': [2, 1.5001] });
  expect(failures.messages).toEqual({ 'torch:compile': 'no compiler' });
  expect(said).toEqual(['  torch:compile is left out: no compiler']);
});

test('one that cannot train is asked only', async () => {
  const asked = rival('tfjs', () => ({ trains: false, losses: [] }));
  const failures = new Failures(() => {});
  expect((await agreeing(ours, [asked, good], 'train', failures))[0]).toEqual([good]);
  expect((await agreeing(ours, [asked, good], 'infer', failures))[0]).toEqual([asked, good]);
  expect(failures.messages).toEqual({});
});

test('one that computes something else ends it', async () => {
  const other = rival('torch:nchw', () => ({ outputs: [1, 2.1] }));
  await expect(agreeing(ours, [other], 'infer', new Failures(() => {}))).rejects.toThrow(/output 1 .* with torch:nchw/);
  const near = rival('torch:nchw', () => ({ outputs: [1, 2.01], losses: [2.01, 1.51] }));
  await expect(agreeing(ours, [near], 'infer', new Failures(() => {}))).rejects.toThrow(/output 1/);
  const [kept] = await agreeing(ours, [near], 'infer', new Failures(() => {}), TOLERANCES.bf16);
  expect(kept).toEqual([near]);
  const loss = rival('torch:nchw', () => ({ losses: [2.1, 1.5] }));
  await expect(agreeing(ours, [loss], 'train', new Failures(() => {}))).rejects.toThrow(/step 1/);
});
