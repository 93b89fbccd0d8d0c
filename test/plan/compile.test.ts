import { describe, expect, it } from 'vitest';
import type { ConvolutionShape, Storage } from '../../lib/backends/backend.js';
import { kernelSpecs } from '../../lib/backends/kernels.js';
import { ReferenceBackend } from '../../lib/backends/reference/backend.js';
import { grad } from '../../lib/graph/grad.js';
import { add } from '../../lib/graph/ops/add.js';
import { batchNorm, batchNormAverage, batchNormInference } from '../../lib/graph/ops/batch-norm.js';
import { biasAdd } from '../../lib/graph/ops/bias-add.js';
import { conv2d } from '../../lib/graph/ops/conv2d.js';
import { matmul } from '../../lib/graph/ops/matmul.js';
import { maxPool2d } from '../../lib/graph/ops/max-pool2d.js';
import { mean } from '../../lib/graph/ops/mean.js';
import { mul } from '../../lib/graph/ops/mul.js';
import { relu } from '../../lib/graph/ops/relu.js';
import { flatten, reshape } from '../../lib/graph/ops/reshape.js';
import { scale } from '../../lib/graph/ops/scale.js';
import { softmaxCrossEntropy } from '../../lib/graph/ops/softmax-cross-entropy.js';
import { sum } from '../../lib/graph/ops/sum.js';
import { constant, input, parameter, type Tensor } from '../../lib/graph/tensor.js';
import { type CompileRequest, compile, parameterLayout } from '../../lib/plan/compile.js';
import { describePlan, planCosts } from '../../lib/plan/describe.js';
import { uniform } from '../../lib/random.js';
import { expectNear } from '../helpers/near.js';

/** A small convolutional net with its loss: 8x8x2 -> conv 3x3x4 -> relu -> pool 2 -> dense 3. */
function network(pool = { pool: 2, stride: 2 }) {
  const x = input('x', ['N', 8, 8, 2]);
  const labels = input('labels', ['N'], 'i32');
  const parameters = [
    parameter('w1', [3, 3, 2, 4]),
    parameter('b1', [4]),
    parameter('w2', [pool.stride === 2 ? 64 : 196, 3]),
    parameter('b2', [3]),
  ];
  const [w1, b1, w2, b2] = parameters as [Tensor, Tensor, Tensor, Tensor];
  const pooled = maxPool2d(relu(biasAdd(conv2d(x, w1, { padding: 1 }), b1)), pool);
  const z = biasAdd(matmul(flatten(pooled), w2), b2);
  const loss = mean(softmaxCrossEntropy(z, labels));
  return { x, labels, parameters, z, loss };
}

/** A step of inputs x and y (labels) to the region 'loss' and the parameters' gradients; `more`: other outputs. */
function lossRequest(
  { x, labels, parameters, loss }: Pick<ReturnType<typeof network>, 'x' | 'labels' | 'parameters' | 'loss'>,
  gradients: readonly Tensor[],
  more: CompileRequest['outputs'] = [],
): CompileRequest {
  const { offsets } = parameterLayout(parameters);
  return {
    name: 'train',
    precision: 'float64',
    maxBatch: 5,
    inputs: [
      { tensor: x, region: 'x' },
      { tensor: labels, region: 'y' },
    ],
    parameters,
    outputs: [
      { tensor: loss, region: 'loss', perStep: 1 },
      ...gradients.map((tensor, i) => ({ tensor, region: 'gradients', offset: offsets[i]! })),
      ...more,
    ],
  };
}

function trainingRequest(options: Partial<CompileRequest> = {}, pool?: { pool: number; stride: number }) {
  const net = network(pool);
  return { ...lossRequest(net, grad(net.loss, net.parameters)), ...options };
}

const SIZES: Record<string, number> = { x: 12 * 128, y: 12, loss: 3, gradients: 0, parameters: 0, dx: 12 * 128 };

/** Runs a request on 12 rows in steps of 5, 5 and 2; returns the last step's gradients and all losses. */
async function run(request: CompileRequest) {
  const backend = new ReferenceBackend(request.precision);
  const { plan, constants } = compile(request);
  const { length } = parameterLayout(request.parameters);
  const storages = new Map<string, Storage>();
  for (const { name, dtype } of plan.regions)
    storages.set(name, backend.allocate(dtype, name === 'constants' ? constants.length : SIZES[name] || length));
  storages.get('constants')?.write(constants);
  const draw = (stream: number, count: number) =>
    Float64Array.from({ length: count }, (_, i) => uniform(7, stream, 0, i) - 0.5);
  storages.get('parameters')!.write(draw(0, length));
  storages.get('x')!.write(draw(1, 12 * 128));
  storages.get('y')?.write(Int32Array.from({ length: 12 }, (_, i) => i % 3));
  const executable = backend.load(plan);
  const regions = plan.regions.map(({ name }) => storages.get(name)!);
  const steps = await executable.run({ regions, batch: 5, rows: 12, slots: new Float64Array(3 * plan.slots.length) })
    .done;
  const losses = new Float64Array(3);
  const gradients = new Float64Array(length);
  const dx = new Float64Array(SIZES.dx!);
  storages.get('loss')!.read(losses);
  storages.get('gradients')?.read(gradients);
  storages.get('dx')?.read(dx);
  return { steps, losses, gradients, dx };
}

describe('compile', () => {
  it('fuses the forward chain, and runs relu and convolution backward on the pooled map', () => {
    const { calls } = compile(trainingRequest()).plan;
    const kernels = calls.map((call) => call.kernel);
    expect(kernels).not.toContain('bias_forward');
    expect(kernels).not.toContain('relu_forward');
    expect(kernels).not.toContain('max_pool2d_forward');
    expect(kernels.filter((kernel) => kernel === 'conv2d_forward')).toHaveLength(1);
    expect(kernels.indexOf('relu_backward')).toBeGreaterThan(0);
    expect(kernels).not.toContain('max_pool2d_backward');
    const backward = calls[kernels.indexOf('conv2d_backward_filter')]!;
    const spec = kernelSpecs.conv2d_backward_filter;
    expect(backward.ints[spec.ints.indexOf('pool')]).toEqual({ fixed: 2 });
    expect(backward.buffers[spec.buffers.findIndex(({ name }) => name === 'argmax')]).toBeGreaterThanOrEqual(0);
  });

  it('spreads a gradient out where windows overlap', () => {
    const { calls } = compile(trainingRequest({}, { pool: 2, stride: 1 })).plan;
    expect(calls.map(({ kernel }) => kernel)).toContain('max_pool2d_backward');
  });

  it('transforms each filter once a step for each direction that the backend asks a tile for', () => {
    const asked: string[] = [];
    const chooseTile = ({ direction }: ConvolutionShape) => asked.push(direction) && 2;
    const { calls } = compile(trainingRequest({ chooseTile })).plan;
    expect(asked.sort()).toEqual(['filter', 'forward']);
    expect(calls[0]!.kernel).toBe('winograd_filter_forward');
    const convolution = calls.find(({ kernel }) => kernel === 'conv2d_forward')!;
    expect(convolution.ints[kernelSpecs.conv2d_forward.ints.indexOf('tile')]).toEqual({ fixed: 2 });
    const u = kernelSpecs.conv2d_forward.buffers.findIndex(({ name }) => name === 'u');
    expect(convolution.buffers[u]).toBe(calls[0]!.buffers[1]);
  });

  it('leaves large filters for few tiles to the convolutions', () => {
    const kernels = (size: number) => {
      const x = input('x', ['N', size, size, 256]);
      const w = parameter('w', [3, 3, 256, 512]);
      const [dx] = grad(sum(conv2d(x, w, { padding: 1 })), [x]);
      const inputs = [{ tensor: x, region: 'x' }];
      const outputs = [{ tensor: dx!, region: 'dx' }];
      const request = { name: 'large', precision: 'float32', maxBatch: 2, inputs, parameters: [w], outputs } as const;
      const { plan } = compile({ ...request, chooseTile: () => 4 });
      return planCosts(plan).map(({ kernel, method }) => `${kernel} ${method}`);
    };
    const rest = ['sum_backward ', 'conv2d_backward_input Winograd F(4x4,3x3)'];
    expect(kernels(4)).toEqual(rest);
    expect(kernels(8)).toEqual(['winograd_filter_forward ', ...rest]);
  });

  for (const pool of [
    { pool: 2, stride: 2 },
    { pool: 2, stride: 1 },
  ])
    it(`computes the same fused and unfused (pool ${pool.pool}, stride ${pool.stride}), also in partial batches`, async () => {
      const plain = await run(trainingRequest({ fuse: false }, pool));
      const fused = await run(trainingRequest({}, pool));
      expect(plain.steps).toBe(3);
      expect(new Set(plain.losses).size).toBe(3);
      expectNear(fused.losses, plain.losses, 12);
      expect(Math.max(...plain.gradients.map(Math.abs))).toBeGreaterThan(1e-3);
      expectNear(fused.gradients, plain.gradients, 12);
    });

  it('joins relu and batch normalization, forward and backward, to the same numbers', async () => {
    const request = (options: Partial<CompileRequest> = {}): CompileRequest => {
      const { x, labels } = network();
      const parameters = [parameter('scale', [2]), parameter('shift', [2]), parameter('w', [128, 3])];
      const [scale, shift, w] = parameters as [Tensor, Tensor, Tensor];
      const y = relu(batchNorm(x, scale, shift));
      const loss = mean(softmaxCrossEntropy(matmul(flatten(y), w), labels));
      const gradients = grad(loss, [...parameters, x]);
      const dx = { tensor: gradients.pop()!, region: 'dx' };
      return { ...lossRequest({ x, labels, parameters, loss }, gradients, [dx]), ...options };
    };
    const kernels = (options = {}) => compile(request(options)).plan.calls.map((call) => call.kernel);
    expect(kernels()).not.toContain('relu_forward');
    expect(kernels()).not.toContain('relu_backward');
    expect(kernels({ fuse: false })).toContain('relu_backward');
    const [fused, plain] = [await run(request()), await run(request({ fuse: false }))];
    expectNear(fused.losses, plain.losses, 12);
    expect(Math.max(...plain.gradients.slice(0, 2).map(Math.abs))).toBeGreaterThan(1e-3);
    expectNear(fused.gradients, plain.gradients, 12);
  });

  it('joins sums at a shortcut and gradients at its fork to the producers, to the same numbers', async () => {
    /** late: the summand at the shortcut is made after the statistics of the normalization have been read. */
    const request = (late: boolean, options: Partial<CompileRequest> = {}): CompileRequest => {
      const { x, labels } = network();
      const filter = (name: string, c: number, k: number) => parameter(name, [3, 3, c, k]);
      const convolutions = [filter('w0', 2, 3), filter('w1', 3, 3), filter('w2', 3, 3), filter('w3', 3, 3)];
      const parameters = [...convolutions, parameter('scale', [3]), parameter('shift', [3]), parameter('w', [192, 3])];
      const [w0, w1, w2, w3, factor, shift, w] = parameters as [Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor];
      const same = { padding: 1 };
      const before = relu(conv2d(x, w0, same));
      const normal = batchNorm(conv2d(before, w1, same), factor, shift);
      const running = batchNormAverage({ mean: shift, variance: factor }, normal, 0.5);
      const block = relu(add(normal, late ? scale(before, 0.5) : before));
      const after = relu(add(conv2d(block, w2, same), conv2d(block, w3, same)));
      const loss = mean(softmaxCrossEntropy(matmul(flatten(after), w), labels));
      const statistics = [
        { tensor: running.mean, region: 'dx' },
        { tensor: running.variance, region: 'dx', offset: 16 },
      ];
      return { ...lossRequest({ x, labels, parameters, loss }, grad(loss, parameters), statistics), ...options };
    };
    const count = (kernel: string, options = {}, late = false) =>
      compile(request(late, options)).plan.calls.filter((call) => call.kernel === kernel).length;
    expect(count('add_forward', { fuse: false })).toBe(4);
    expect(count('relu_backward', { fuse: false })).toBe(3);
    expect(count('add_forward')).toBe(0);
    expect(count('relu_forward')).toBe(0);
    expect(count('relu_backward')).toBe(1); // of the gradient that the last product makes
    expect(count('add_forward', {}, true)).toBe(1);
    const text = describePlan(compile(request(false)).plan);
    expect(text).toMatch(/batch_norm_forward +add \+ relu /);
    expect(text).toMatch(/conv2d_backward_input +direct \+ add \+ relu' /);
    for (const late of [false, true]) {
      const [fused, plain] = [await run(request(late)), await run(request(late, { fuse: false }))];
      expectNear(fused.losses, plain.losses, 12);
      expect(Math.max(...plain.gradients.map(Math.abs))).toBeGreaterThan(1e-3);
      expectNear(fused.gradients, plain.gradients, 12);
      expect(Math.min(...plain.dx.slice(0, 3).map(Math.abs))).toBeGreaterThan(1e-3);
      expect(fused.dx.slice(0, 20)).toEqual(plain.dx.slice(0, 20));
    }
  });

  it('sums for a normalization in the convolution before it, to the same numbers', async () => {
    const request = (options: Partial<CompileRequest> = {}): CompileRequest => {
      const { x, labels } = network();
      const shapes = [[3, 3, 2, 3], [3, 3, 3, 5], [5], [5], [3, 3, 5, 3], [3], [3], [192, 3]];
      const parameters = shapes.map((shape, i) => parameter(`p${i}`, shape));
      const [w0, w1, scale1, shift1, w2, scale2, shift2, w] = parameters as Tensor[];
      const same = { padding: 1 };
      const before = relu(conv2d(x, w0!, same));
      const inner = relu(batchNorm(conv2d(before, w1!, same), scale1!, shift1!));
      const block = relu(add(batchNorm(conv2d(inner, w2!, same), scale2!, shift2!), before));
      const loss = mean(softmaxCrossEntropy(matmul(flatten(block), w!), labels));
      return { ...lossRequest({ x, labels, parameters, loss }, grad(loss, parameters)), ...options };
    };
    const summed = (options: Partial<CompileRequest>) =>
      planCosts(compile(request(options)).plan).flatMap(({ kernel, method }) =>
        method.includes('moments') ? kernel : [],
      );
    const chooseTile = () => 4;
    expect(summed({ chooseTile }).sort()).toEqual([
      ...['batch_norm_forward', 'batch_norm_forward', 'conv2d_forward', 'conv2d_forward'],
    ]);
    for (const options of [{}, { chooseTile, fuse: false }, { chooseTile: () => 2 }])
      expect(summed(options)).toEqual([]);
    const [fused, plain] = [await run(request({ chooseTile })), await run(request({ fuse: false }))];
    expectNear(fused.losses, plain.losses, 12);
    expect(Math.max(...plain.gradients.map(Math.abs))).toBeGreaterThan(1e-3);
    expectNear(fused.gradients, plain.gradients, 12);
  });

  it('makes a normalization with known statistics a part of its convolution, to the same numbers', async () => {
    const request = (options: Partial<CompileRequest> = {}): CompileRequest => {
      const x = input('x', ['N', 8, 8, 2]);
      const shapes = { w: [3, 3, 2, 2], bias: [2], mean: [2], variance: [2], scale: [2], shift: [2] };
      const parameters = Object.entries(shapes).map(([name, shape]) => parameter(name, shape));
      const [w, bias, average, deviation, factor, shift] = parameters as Tensor[];
      const of = { mean: average!, variance: mul(deviation!, deviation!) };
      const known = { mean: average!, variance: constant([1, 2]) };
      const convolved = biasAdd(conv2d(x, w!, { padding: 1 }), bias!);
      const y = relu(add(batchNormInference(convolved, known, factor!, shift!), x));
      const z = batchNormInference(conv2d(y, w!, { padding: 1 }), of, factor!, shift!); // its variance is not there from the start
      return {
        ...trainingRequest(),
        inputs: [{ tensor: x, region: 'x' }],
        parameters,
        outputs: [
          { tensor: y, region: 'dx' },
          { tensor: sum(z), region: 'loss', perStep: 1 },
        ],
        ...options,
      };
    };
    const kernels = compile(request()).plan.calls.map(({ kernel }) => kernel);
    expect(kernels).toEqual([
      ...['batch_norm_affine', 'mul_forward', 'conv2d_forward', 'conv2d_forward', 'batch_norm_inference'],
      'sum_forward',
    ]);
    const [fused, plain] = [await run(request()), await run(request({ fuse: false }))];
    expect(new Set(plain.losses).size).toBe(3);
    expectNear(fused.losses, plain.losses, 10);
    expectNear(fused.dx, plain.dx, 12);
  });

  it('reuses memory: the arena is smaller than its buffers together', () => {
    const { plan } = compile(trainingRequest({ fuse: false }));
    const total = plan.buffers.filter((b) => b.region < 0).reduce((sum, b) => sum + 8 * (b.fixed + 5 * b.perImage), 0);
    expect(plan.arenaBytes).toBeLessThan(total);
  });

  it('keeps what is asked for as an output, and does not fuse over it', async () => {
    const x = input('x', ['N', 4]);
    const hidden = scale(x, 2);
    const y = relu(hidden);
    const request: CompileRequest = {
      name: 'both',
      precision: 'float32',
      maxBatch: 3,
      inputs: [{ tensor: x, region: 'x' }],
      parameters: [],
      outputs: [
        { tensor: hidden, region: 'hidden' },
        { tensor: reshape(y, ['N', 2, 2]), region: 'y' },
        { tensor: y, region: 'again' },
        { tensor: x, region: 'same' },
      ],
    };
    const backend = new ReferenceBackend('float32');
    const { plan } = compile(request);
    const storages = new Map(plan.regions.map(({ name, dtype }) => [name, backend.allocate(dtype, 8)]));
    const values = Float32Array.of(1, -2, 3, -4, 5, -6, 7, -8);
    storages.get('x')!.write(values);
    await backend.load(plan).run({ regions: [...storages.values()], batch: 2, rows: 2, slots: new Float64Array(0) })
      .done;
    const read = (name: string) => {
      const target = new Float32Array(8);
      storages.get(name)!.read(target);
      return [...target];
    };
    expect(read('hidden')).toEqual([...values].map((v) => 2 * v));
    expect(read('y')).toEqual([...values].map((v) => Math.max(0, 2 * v)));
    expect(read('again')).toEqual(read('y'));
    expect(read('same')).toEqual([...values]);
  });

  it('names an input without values and a parameter without a place', () => {
    expect(() => compile({ ...trainingRequest(), inputs: [] })).toThrow(
      /no values are given for the input 'x' \[N, 8, 8, 2\]/,
    );
    expect(() => compile({ ...trainingRequest(), parameters: [] })).toThrow(/'w1' is not among/);
  });

  it('prints itself with kernels, sizes, bytes and work', () => {
    const { plan } = compile(trainingRequest());
    const text = describePlan(plan);
    expect(text).toContain('conv2d_forward');
    expect(text).toContain('pool=2');
    expect(text).toMatch(/arena [\d.]+ kB/);
    const conv = planCosts(plan).find((cost) => cost.kernel === 'conv2d_forward')!;
    expect(conv.flops).toBe(2 * 5 * 64 * 4 * 18);
  });

  it('says how each convolution is computed, and what was fused into it', () => {
    const methods = (options: Partial<CompileRequest>, pool?: { pool: number; stride: number }) =>
      Object.fromEntries(
        planCosts(compile(trainingRequest(options, pool)).plan).map(({ kernel, method }) => [kernel, method]),
      );
    expect(methods({ fuse: false })).toMatchObject({ conv2d_forward: 'direct', relu_forward: '' });
    expect(methods({})).toMatchObject({
      conv2d_forward: 'direct + bias + relu + max pool 2x2',
      conv2d_backward_filter: 'direct + unpooling 2x2',
      mean_forward: '',
    });
    const chooseTile = ({ direction }: ConvolutionShape) => (direction === 'forward' ? 4 : 2);
    expect(methods({ chooseTile }, { pool: 2, stride: 1 })).toMatchObject({
      conv2d_forward: 'Winograd F(4x4,3x3) + bias + relu + max pool 2x2 step 1',
      conv2d_backward_filter: 'Winograd F(2x2,3x3)',
    });
    expect(describePlan(compile(trainingRequest({ chooseTile })).plan)).toMatch(
      /\n\d+ +s0 +conv2d +conv2d_forward +Winograd F\(4x4,3x3\) \+ bias \+ relu \+ max pool 2x2 +n=5 h=8 /,
    );
  });
});
