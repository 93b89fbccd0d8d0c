/**
 * The optimizers' updates against numbers worked by hand, each written out step by step beside its test; and the difference between
 * the regulariser theta/C and decoupled weight decay (lecture notes 2.2.6).
 */
import { describe, expect, test } from 'vitest';
import type { KernelName } from '../../lib/backends/kernels.js';
import { kernelRunners, type Runner } from '../helpers/kernels.js';

type Reals = Record<string, number>;

/** Runs an update once for each gradient; returns theta after each, and the states at the end. */
function steps(
  runner: Runner,
  kernel: KernelName,
  theta0: number,
  gradients: number[],
  states: string[],
  reals: Reals,
) {
  const args: Record<string, Float32Array | Float64Array> = { theta: runner.real([theta0]) };
  for (const name of states) args[name] = runner.real([0]);
  const thetas = gradients.map((g, i) => {
    const t = kernel === 'adam_step' ? { t: i + 1 } : {};
    runner.run(kernel, { regularizer: 0, weightDecay: 0, ...reals, ...args, ...t, g: runner.real([g]), n: 1 });
    return args.theta![0]!;
  });
  return { thetas, states: states.map((name) => args[name]![0]!) };
}

describe.each(kernelRunners())('$name', (runner) => {
  const digits = runner.precision === 'float64' ? 13 : 6;
  const check = (actual: number[], expected: number[]) => {
    expect(actual.length).toBe(expected.length);
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, digits);
  };

  test('sgd: theta - lr g', () => {
    // 1 - 0.1 * 2 = 0.8; 0.8 - 0.1 * (-1) = 0.9; 0.9 - 0.1 * 0.5 = 0.85
    check(steps(runner, 'sgd_step', 1, [2, -1, 0.5], [], { learningRate: 0.1 }).thetas, [0.8, 0.9, 0.85]);
  });

  test('sgd with a regulariser: theta - lr (g + theta/C)', () => {
    // C = 2: 1 - 0.1 (2 + 0.5) = 0.75; 0.75 - 0.1 (-1 + 0.375) = 0.8125
    check(steps(runner, 'sgd_step', 1, [2, -1], [], { learningRate: 0.1, regularizer: 0.5 }).thetas, [0.75, 0.8125]);
  });

  test('momentum: v <- 0.5 v - lr g, theta <- theta + v', () => {
    // v: -0.2, -0.1 + 0.1 = 0, -0.05; theta: 0.8, 0.8, 0.75
    const { thetas, states } = steps(runner, 'momentum_step', 1, [2, -1, 0.5], ['v'], {
      learningRate: 0.1,
      momentum: 0.5,
    });
    check(thetas, [0.8, 0.8, 0.75]);
    check(states, [-0.05]);
  });

  test('momentum keeps the regulariser in v and the decay out of it', () => {
    // regularizer 1: G = 2 + 1 = 3, v = -0.3, theta = 0.7; G = -1 + 0.7 = -0.3, v = -0.15 + 0.03 = -0.12, theta = 0.58
    const coupled = steps(runner, 'momentum_step', 1, [2, -1], ['v'], {
      learningRate: 0.1,
      momentum: 0.5,
      regularizer: 1,
    });
    check([...coupled.thetas, ...coupled.states], [0.7, 0.58, -0.12]);
    // weightDecay 1: v = -0.2, theta = 1 - 0.2 - 0.1 = 0.7; v = -0.1 + 0.1 = 0, theta = 0.7 - 0.07 = 0.63
    const decoupled = steps(runner, 'momentum_step', 1, [2, -1], ['v'], {
      learningRate: 0.1,
      momentum: 0.5,
      weightDecay: 1,
    });
    check([...decoupled.thetas, ...decoupled.states], [0.7, 0.63, 0]);
  });

  test('nesterov: the gradient is taken ahead, theta holds the point ahead', () => {
    // v: -0.2, 0, -0.05; theta += 0.5 v - lr g: 1 - 0.1 - 0.2 = 0.7; 0.7 + 0 + 0.1 = 0.8; 0.8 - 0.025 - 0.05 = 0.725
    const { thetas, states } = steps(runner, 'nesterov_step', 1, [2, -1, 0.5], ['v'], {
      learningRate: 0.1,
      momentum: 0.5,
    });
    check(thetas, [0.7, 0.8, 0.725]);
    check(states, [-0.05]);
    // The same as momentum on phi, theta = phi + 0.5 v: phi: 0.8, 0.8, 0.75; theta: 0.7, 0.8, 0.725.
    const phi = steps(runner, 'momentum_step', 1, [2, -1, 0.5], ['v'], { learningRate: 0.1, momentum: 0.5 });
    check([phi.thetas[2]! + 0.5 * phi.states[0]!], [thetas[2]!]);
  });

  test('adagrad: r <- r + g^2, theta <- theta - lr g / (sqrt(r) + delta)', () => {
    // Gradients 3, 4, 12 and delta 1: r = 9, 25, 169; steps 0.8 * 3/4 = 0.6, 0.8 * 4/6 = 8/15, 0.8 * 12/14 = 24/35
    const { thetas, states } = steps(runner, 'adagrad_step', 2, [3, 4, 12], ['r'], { learningRate: 0.8, delta: 1 });
    check(thetas, [1.4, 1.4 - 8 / 15, 1.4 - 8 / 15 - 24 / 35]);
    check(states, [169]);
  });

  test('rmsprop: r <- 0.75 r + 0.25 g^2', () => {
    // g = 4: r = 4, step 0.1 * 4 / (2 + 0.5) = 0.16; g = 2: r = 3 + 1 = 4, step 0.1 * 2 / 2.5 = 0.08;
    // g = -4: r = 3 + 4 = 7, step -0.1 * 4 / (sqrt 7 + 0.5)
    const { thetas, states } = steps(runner, 'rmsprop_step', 1, [4, 2, -4], ['r'], {
      learningRate: 0.1,
      decay: 0.75,
      delta: 0.5,
    });
    check(thetas, [0.84, 0.76, 0.76 + 0.4 / (Math.SQRT2 * Math.sqrt(3.5) + 0.5)]);
    check(states, [7]);
  });

  test('adam: bias correction makes the first step lr g / (|g| + delta)', () => {
    // beta1 = 0.5, beta2 = 0.75, delta = 1. g = 3: s = 1.5, s^ = 3; r = 2.25, r^ = 9; step 0.1 * 3 / (3 + 1) = 0.075.
    // g = 1: s = 0.75 + 0.5 = 1.25, s^ = 1.25 / 0.75 = 5/3; r = 1.6875 + 0.25 = 1.9375, r^ = 1.9375 / 0.4375 = 31/7.
    // g = -2: s = 0.625 - 1 = -0.375, s^ = -0.375 / 0.875 = -3/7; r = 1.453125 + 1 = 2.453125, r^ = 2.453125 / 0.578125 = 157/37.
    const { thetas, states } = steps(runner, 'adam_step', 1, [3, 1, -2], ['s', 'r'], {
      learningRate: 0.1,
      beta1: 0.5,
      beta2: 0.75,
      delta: 1,
    });
    const second = 0.925 - (0.1 * (5 / 3)) / (Math.sqrt(31 / 7) + 1);
    check(thetas, [0.925, second, second + (0.1 * (3 / 7)) / (Math.sqrt(157 / 37) + 1)]);
    check(states, [-0.375, 2.453125]);
  });

  test('adamw: the decay takes lr weightDecay theta off, theta being the one before the step', () => {
    // First step as above: 1 - 0.075 - 0.1 * 0.5 * 1 = 0.875; then 0.875 (1 - 0.05) less adam's second step.
    const options = { learningRate: 0.1, beta1: 0.5, beta2: 0.75, delta: 1, weightDecay: 0.5 };
    const { thetas } = steps(runner, 'adam_step', 1, [3, 1], ['s', 'r'], options);
    check(thetas, [0.875, 0.83125 - (0.1 * (5 / 3)) / (Math.sqrt(31 / 7) + 1)]);
  });

  describe('weight decay against the regulariser, lambda = lr/C (2.2.6)', () => {
    const gradients = [2, -1, 0.5, 3];
    const compare = (kernel: KernelName, states: string[], reals: Reals) => {
      const lr = { learningRate: 0.1 };
      const decay = steps(runner, kernel, 1, gradients, states, { ...lr, ...reals, weightDecay: 1 / 4 });
      const regularizer = steps(runner, kernel, 1, gradients, states, { ...lr, ...reals, regularizer: 1 / 4 });
      return Math.abs(decay.thetas[3]! - regularizer.thetas[3]!);
    };

    test('are one thing for the plain stochastic gradient', () => {
      expect(compare('sgd_step', [], {})).toBeLessThan(1e-6);
      // Both equal theta (1 - lr/C) - lr g, written out: 1 -> 0.775 -> 0.855625 -> 0.784234375 -> 0.464628515625.
      check(
        steps(runner, 'sgd_step', 1, gradients, [], { learningRate: 0.1, weightDecay: 1 / 4 }).thetas,
        [0.775, 0.855625, 0.784234375, 0.464628515625],
      );
    });

    test('differ for AdaGrad, RMSProp and Adam', () => {
      expect(compare('adagrad_step', ['r'], { delta: 1e-7 })).toBeGreaterThan(1e-2);
      expect(compare('rmsprop_step', ['r'], { decay: 0.9, delta: 1e-8 })).toBeGreaterThan(1e-2);
      expect(compare('adam_step', ['s', 'r'], { beta1: 0.9, beta2: 0.999, delta: 1e-8 })).toBeGreaterThan(1e-2);
    });
  });
});
