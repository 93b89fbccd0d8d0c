/** The optimizer that the options of `steepest train` spell, and numbers that one has not. */
import { Command } from 'commander';
import { expect, it, test } from 'vitest';
import {
  addOptimizerOptions,
  checkOptimizer,
  type OptimizerArguments,
  optimizerOf,
} from '../../../lib/cli/train/optimizer.js';
import type { OptimizerName } from '../../../lib/optimizers/optimizer.js';
import { optimizerFrom } from '../../../lib/optimizers/registry.js';
import { runCommand } from '../../helpers/fake-io.js';

const read = (text: string): OptimizerArguments =>
  addOptimizerOptions(new Command()).parse(text.split(' '), { from: 'user' }).opts();

it.each<[OptimizerName, string, Record<string, number>]>([
  ['sgd', '--lr 0.5 --weight-decay 0.1', { learningRate: 0.5, weightDecay: 0.1 }],
  ['momentum', '--momentum 0.5', { momentum: 0.5 }],
  ['nesterov', '--momentum 0 --weight-decay 2', { momentum: 0, weightDecay: 2 }],
  ['rmsprop', '--decay 0.99 --delta 0.001', { decay: 0.99, delta: 0.001 }],
  ['adagrad', '--delta 1', { delta: 1 }],
  [
    'adam',
    '--beta1 0.5 --beta2 0.6 --delta 1e-6 --weight-decay 0.3',
    { beta1: 0.5, beta2: 0.6, delta: 1e-6, weightDecay: 0.3 },
  ],
  ['adamw', '--weight-decay 0', { weightDecay: 0 }],
])('%s %s', (name, text, numbers) => {
  const options = read(text);
  checkOptimizer(name, options);
  const { options: wanted } = optimizerFrom(name, numbers);
  expect(optimizerOf(name, options, 10).options).toEqual(wanted);
  expect(wanted).not.toEqual(optimizerFrom(name).options);
});

test('a schedule begins with the rate and keeps the other numbers', () => {
  const optimizer = optimizerOf('momentum', read('--lr 0.5 --schedule cosine --momentum 0.5'), 10);
  expect(optimizer.options).toMatchObject({ momentum: 0.5, learningRate: { name: 'cosine' } });
  expect([optimizer.learningRate.at(0), optimizer.learningRate.at(10)]).toEqual([0.5, expect.closeTo(0, 12)]);
});

it.each([
  [['--momentum', '0.5'], /--momentum is for --optimizer momentum and nesterov/],
  [['--beta1', '0.5', '--optimizer', 'momentum'], /--beta1 is for --optimizer adam and adamw/],
  [['--decay', '0.5'], /--decay is for --optimizer rmsprop/],
  [['--delta', '0.5', '--optimizer', 'sgd'], /--delta is for --optimizer adagrad, rmsprop, adam and adamw/],
  [['--momentum', '1', '--optimizer', 'momentum'], /Expected a number in \[0, 1\)/],
  [['--weight-decay', '-1'], /Expected a number in \[0, Infinity\]/],
  [['--delta', '0'], /Expected a number > 0/],
  [
    ['--optimizer', 'lbfgs', '--weight-decay', '0', '--no-shuffle', '--drop-remainder'],
    /--weight-decay, --no-shuffle, --drop-remainder: not with --optimizer lbfgs/,
  ],
  [['--optimizer', 'newton-cg', '--momentum', '0'], /--momentum: not with --optimizer newton-cg/],
  [['--drop-remainder', '--limit', '3'], /--drop-remainder leaves nothing of 3 with --batch 128/],
])('refuses %j', async (args, message) => {
  const { code, io } = await runCommand(['train', '--device', 'reference', '--model', 'mlp', ...args]);
  expect([code, io.stderr]).toEqual([2, expect.stringMatching(message)]);
});
