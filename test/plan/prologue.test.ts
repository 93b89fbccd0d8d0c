/** The prologue of a plan: what joins it, where its results lie, and that no run sees results of other weights. */
import { describe, expect, it } from 'vitest';
import { type Backend, EVENT_NUMBERS, type Plan, type Storage } from '../../lib/backends/backend.js';
import { createCpuBackend } from '../../lib/backends/cpu.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { batchNorm } from '../../lib/graph/ops/batch-norm.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { constant, input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { type CompileRequest, compile } from '../../lib/plan/compile.js';
import { describePlan, planCosts, stepTotals } from '../../lib/plan/describe.js';
import { buffer, call, contents } from '../helpers/small-plan.js';
import { hasCpu } from '../train/tiny.js';

const FACTORS = [1, -2, 3, 4];

/** y = relu(x + t) + t with t = 2 (w * factors): two calls once, then some at each step. */
function request(more: Partial<CompileRequest> = {}): CompileRequest {
  const x = input('x', ['N', 4]);
  const w = parameter('w', [4]);
  const t = scale(mul(w, constant(FACTORS)), 2);
  return {
    name: 'shifted',
    precision: 'float32',
    maxBatch: 5,
    inputs: [{ tensor: x, region: 'x' }],
    parameters: [w],
    outputs: [{ tensor: biasAdd(relu(biasAdd(x, t)), t), region: 'y' }],
    ...more,
  };
}

const expected = (w: readonly number[], x: readonly number[]) =>
  x.map((value, i) => {
    const t = 2 * w[i % 4]! * FACTORS[i % 4]!;
    return Math.max(0, value + t) + t;
  });

const kernelsOf = ({ calls, prologue = 0 }: Plan) => calls.slice(0, prologue).map(({ kernel }) => kernel);

describe('the compiler', () => {
  it('takes what depends on parameters and constants alone; its results stay, what lay between them does not', () => {
    const { plan } = compile(request());
    expect(kernelsOf(plan)).toEqual(['mul_forward', 'scale_forward']);
    expect(plan.calls.map(({ kernel }) => kernel)).not.toEqual(kernelsOf(plan));
    const [between, kept] = plan.calls
      .slice(0, 2)
      .map(({ kernel, buffers }) => plan.buffers[buffers[kernel === 'mul_forward' ? 2 : 1]!]!);
    const later = plan.calls.slice(2).flatMap(({ buffers }) => buffers.map((b) => plan.buffers[b]!));
    expect(later).toContain(kept);
    for (const other of later)
      if (other.region < 0 && other !== kept)
        expect(other.offset >= kept!.offset + 64 || other.offset + 5 * 16 <= kept!.offset).toBe(true);
    expect(later).not.toContain(between);
    expect(later.some(({ region, offset }) => region < 0 && offset === between!.offset)).toBe(true);
  });

  it('leaves inputs, slots, batches, outputs and all that the plan changes to the steps', () => {
    const x = input('x', [4]);
    const w = parameter('w', [4]);
    const prologue = (tensor: Tensor, more: Partial<CompileRequest> = {}) => {
      const inputs = [{ tensor: x, region: 'x' }];
      const outputs = [{ tensor, region: 'y', perStep: 4 }];
      return kernelsOf(compile(request({ inputs, parameters: [w], outputs, ...more })).plan);
    };
    expect(prologue(scale(mul(x, w), 2))).toEqual([]);
    expect(prologue(mul(x, scale(w, 2)))).toEqual(['scale_forward']);
    expect(prologue(scale(w, 2))).toEqual([]);
    const theta = {
      kernel: 'sgd_step',
      ints: { n: 4 },
      reals: { learningRate: 1, regularizer: 0, weightDecay: 0 },
    } as const;
    const updates = [{ ...theta, buffers: { theta: 'parameters', g: 'y' } }];
    expect(prologue(mul(x, scale(w, 2)), { updates })).toEqual([]);
    expect(prologue(mul(x, scale(constant(FACTORS), 2)), { updates })).toEqual(['scale_forward']);
  });

  it('takes transformed filters, and shows them as made once', () => {
    const x = input('x', ['N', 8, 8, 16]);
    const w = parameter('w', [3, 3, 16, 16]);
    const outputs = [{ tensor: sum(conv2d(x, w, { padding: 1 })), region: 'y', perStep: 1 }];
    const inputs = [{ tensor: x, region: 'x' }];
    const { plan } = compile(request({ inputs, parameters: [w], outputs, chooseTile: () => 2 }));
    expect(kernelsOf(plan)).toEqual(['winograd_filter_forward']);
    expect(describePlan(plan)).toMatch(/\n0 +once +conv2d +winograd_filter_forward .*\n1 +s0 +conv2d +conv2d_forward/);
    const costs = planCosts(plan);
    expect(stepTotals(costs).flops).toBe(costs[1]!.flops + costs[2]!.flops);
  });

  it('leaves the statistics of a batch to the steps', () => {
    const x = input('x', ['N', 4]);
    const [gamma, beta] = [parameter('gamma', [4]), parameter('beta', [4])];
    const y = batchNorm(x, scale(gamma, 2), beta, { epsilon: 1e-3 });
    const outputs = [{ tensor: y, region: 'y' }];
    const { plan } = compile(request({ inputs: [{ tensor: x, region: 'x' }], parameters: [gamma, beta], outputs }));
    expect(kernelsOf(plan)).toEqual(['scale_forward']);
  });
});

describe.each(['reference', 'cpu'] as const)('on %s', (device) => {
  const open = (): Backend => (device === 'cpu' ? createCpuBackend({ threads: 2 }) : new ReferenceBackend());

  function setUp() {
    const backend = open();
    const { plan, constants } = compile(request());
    const executable = backend.load(plan);
    const x = Array.from({ length: 48 }, (_, i) => (i % 11) - 5);
    const storages: Record<string, Storage> = {};
    for (const { name } of plan.regions)
      storages[name] = backend.allocate(
        'real',
        name === 'constants' ? constants.length : name === 'parameters' ? 16 : 48,
      );
    storages.constants!.write(constants);
    storages.x!.write(Float32Array.from(x));
    storages.parameters!.write(Float32Array.of(1, 2, 3, 4));
    /** Three steps, of 5, 5 and 2 rows: the outputs, how many calls of the prologue ran, in which steps. */
    const run = async (parameters = storages.parameters!) => {
      const regions = plan.regions.map(({ name }) => (name === 'parameters' ? parameters : storages[name]!));
      const run = executable.run({ regions, batch: 5, rows: 12, slots: new Float64Array(0), events: 1000 });
      expect(await run.done).toBe(3);
      const { numbers, dropped } = run.events();
      expect(dropped).toBe(0);
      const events = Array.from({ length: numbers.length / EVENT_NUMBERS }, (_, i) =>
        numbers.subarray(EVENT_NUMBERS * i),
      );
      const once = events.filter(([call]) => call! >= 0 && call! < plan.prologue!);
      expect(events).toHaveLength(3 * (1 + plan.calls.length - plan.prologue!) + once.length);
      expect(events[0]![0]).toBe(-1);
      expect(once.every(([, , step]) => step === 0)).toBe(true);
      return { y: contents(storages.y!), once: once.length };
    };
    return { backend, storages, x, run };
  }

  it.skipIf(device === 'cpu' && !hasCpu())(
    'runs it in the first step, and not again while nothing it reads changes',
    async () => {
      const { x, run } = setUp();
      const y = expected([1, 2, 3, 4], x);
      expect(await run()).toEqual({ y, once: 2 });
      expect(await run()).toEqual({ y, once: 0 });
      const both = await Promise.all([run(), run()]);
      expect(both.map(({ once }) => once)).toEqual([0, 0]);
    },
  );

  it.skipIf(device === 'cpu' && !hasCpu())('runs it again after a write, and for another storage', async () => {
    const { backend, storages, x, run } = setUp();
    await run();
    storages.parameters!.write(Float32Array.of(-7), 2);
    expect(await run()).toEqual({ y: expected([1, 2, -7, 4], x), once: 2 });
    storages.constants!.write(Float32Array.of(1));
    expect((await run()).once).toBe(2);
    const other = backend.allocate('real', 16);
    expect(await run(other)).toEqual({ y: expected([0, 0, 0, 0], x), once: 2 });
    expect(await run()).toEqual({ y: expected([1, 2, -7, 4], x), once: 2 });
    other.dispose();
    const third = backend.allocate('real', 16);
    third.write(Float32Array.of(5, 5, 5, 5));
    expect(await run(third)).toEqual({ y: expected([5, 5, 5, 5], x), once: 2 });
  });

  it.skipIf(device === 'cpu' && !hasCpu())('runs it again after another plan has written what it reads', async () => {
    const { backend, storages, x, run } = setUp();
    await run();
    const n = [{ fixed: 4 }];
    const buffers = [buffer(0, { fixed: 4 }), buffer(1, { fixed: 4 })];
    const regions = ['from', 'to'].map((name) => ({ name, dtype: 'real' as const }));
    const rest = {
      name: 'copy',
      precision: 'float32',
      maxBatch: 1,
      slots: [],
      arenaBytes: 0,
      buffers,
      regions,
    } as const;
    const copy = backend.load({ ...rest, calls: [call('copy_forward', -1, [0, 1], n)] });
    const from = backend.allocate('real', 4);
    from.write(Float32Array.of(-1, 6, 0, 2));
    const request = { regions: [from, storages.parameters!], batch: 1, rows: 1, slots: new Float64Array(0) };
    await copy.run(request).done;
    expect(await run()).toEqual({ y: expected([-1, 6, 0, 2], x), once: 2 });
    expect((await run()).once).toBe(0);
  });
});
