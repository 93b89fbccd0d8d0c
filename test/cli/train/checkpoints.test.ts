/** Options of checkpoints as `fit` gets them, and those that do not go together. */
import { expect, test } from 'vitest';
import { UsageError } from '../../../lib/cli/io.js';
import { checkpointOptions } from '../../../lib/cli/train/checkpoints.js';

test('a run goes on from the latest of its folder, or from a file without one', () => {
  expect(checkpointOptions({})).toEqual({});
  const kept = { checkpoint: 'runs/a', checkpointEvery: 7, resume: true } as const;
  expect(checkpointOptions(kept)).toEqual(kept);
  expect(checkpointOptions({ resume: 'b.safetensors' })).toEqual({ resume: 'b.safetensors' });
  expect(checkpointOptions({ checkpoint: 'runs/a', resume: 'b.safetensors' })).toEqual({
    checkpoint: 'runs/a',
    resume: 'b.safetensors',
  });
});

test('what needs a folder says so', () => {
  const refused = (options: Parameters<typeof checkpointOptions>[0]) => () => checkpointOptions(options);
  expect(refused({ resume: true })).toThrow(/^--resume needs --checkpoint DIR, or a file or folder/);
  expect(refused({ checkpointEvery: 7, resume: 'b' })).toThrow(/^--checkpoint-every needs --checkpoint DIR$/);
  expect(refused({ resume: true })).toThrow(UsageError);
});
