/**
 * Second stage of compiling: neighbours become one call, so that fewer tensors travel through memory.
 *
 *   conv2d + bias + add + relu         ->  one conv2d_forward: with a max pool after it, only its output and argmax are written
 *   gemm + bias + relu                 ->  one gemm
 *   batch normalization + add + relu   ->  one batch_norm_forward or batch_norm_inference; the latter after a conv2d is its factor and bias
 *   conv2d' + add + relu'              ->  one conv2d_backward_input: gradients that meet at a fork, and what relu lets through
 *   batch normalization' after relu'   ->  one batch_norm_backward
 *   relu' after pool'                  ->  pool' after relu' of the pooled output (four times smaller for a 2x2 pool)
 *   conv2d' and bias' after pool'      ->  conv2d' and bias' that read the pooled gradient and the places of the maxima
 *   select after relu' (forward mode)  ->  relu' of what is selected: the relu's output is not read any more, and joins the pool
 *
 * The last three hold because the gradient of a max pool reaches only the places of the maxima, and there the pooled output is the
 * input. A tensor that something else reads (or that is an output of the plan) is never fused away.
 */
import { type KernelName, kernelSpecs } from '../backends/kernels.js';
import { out } from '../geometry.js';
import { apply1, elements, isSource, type Op, type Shape, type Tensor } from '../graph/tensor.js';
import { type Call, countReads, isTensorUse } from './lower.js';

/** Fuses `calls`; `kept` are the tensors that must exist in the end. */
export function fuse(calls: readonly Call[], kept: ReadonlySet<Tensor>): Call[] {
  const normalized = fuseEpilogues(calls, kept, NORMALIZED);
  const masked = selectBeforeRelu(reluBeforeUnpooling(normalized, kept), kept);
  const joined = fuseEpilogues(masked, kept, EPILOGUES);
  return unpoolInProducts(reluIntoBatchNorm(joined, kept), kept);
}

function tensorOf(call: Call, buffer: string): Tensor | undefined {
  const use = call.buffers[buffer];
  return use !== undefined && isTensorUse(use) ? use : undefined;
}

/** A tensor that no op of the graph made. */
export const temporaryOp: Op<{ shape: Shape }> = {
  name: 'temporary',
  infer: (_, { shape }) => [{ shape, dtype: 'real' }],
};

/** With (pooled, argmax) = max_pool(x): relu_backward(max_pool_backward(dy, argmax), x) -> max_pool_backward(relu_backward(dy, pooled), argmax). */
function reluBeforeUnpooling(calls: readonly Call[], kept: ReadonlySet<Tensor>): Call[] {
  const reads = countReads(calls);
  const pools = poolsOf(calls);
  const result = [...calls];
  for (const [i, unpool] of calls.entries()) {
    if (unpool.kernel !== 'max_pool2d_backward') continue;
    const unpooled = tensorOf(unpool, 'dx')!;
    const pool = pools.get(tensorOf(unpool, 'argmax')!);
    if (pool === undefined || reads.get(unpooled) !== 1 || kept.has(unpooled)) continue;
    const j = calls.findIndex((call) => call.kernel === 'relu_backward' && call.buffers.dy === unpooled);
    const mask = calls[j];
    if (mask === undefined || mask.buffers.y !== pool.buffers.x) continue;
    const pooled = tensorOf(pool, 'y')!;
    const masked = apply1(temporaryOp, [], { shape: pooled.shape }, mask.label);
    result[i] = {
      ...mask,
      buffers: { dy: unpool.buffers.dy!, y: pooled, dx: masked },
      ints: { n: elements(pooled.shape) },
    };
    result[j] = { ...unpool, buffers: { ...unpool.buffers, dy: masked, dx: mask.buffers.dx! } };
  }
  return result;
}

/** With (pooled, argmax) = max_pool(x): max_pool_select(relu_backward(t, x), argmax) -> relu_backward(max_pool_select(t, argmax), pooled). */
function selectBeforeRelu(calls: readonly Call[], kept: ReadonlySet<Tensor>): Call[] {
  const reads = countReads(calls);
  const pools = poolsOf(calls);
  const dropped = new Set<Call>();
  const result = calls.flatMap((select): readonly Call[] => {
    const spread = select.kernel === 'max_pool2d_select' ? tensorOf(select, 'x')! : undefined;
    const pool = pools.get(tensorOf(select, 'argmax')!);
    if (spread === undefined || pool === undefined || reads.get(spread) !== 1 || kept.has(spread)) return [select];
    const mask = calls.find((call) => call.kernel === 'relu_backward' && call.buffers.dx === spread);
    if (mask === undefined || mask.buffers.y !== pool.buffers.x) return [select];
    dropped.add(mask);
    const { shape } = tensorOf(select, 'y')!;
    const selected = apply1(temporaryOp, [], { shape }, select.label);
    const buffers: Call['buffers'] = { dy: selected, y: pool.buffers.y!, dx: select.buffers.y! };
    return [
      { ...select, buffers: { ...select.buffers, x: mask.buffers.dy!, y: selected } },
      { ...mask, buffers, ints: { n: elements(shape) } },
    ];
  });
  return result.filter((call) => !dropped.has(call));
}

/** Max poolings by their places of the maxima. */
function poolsOf(calls: readonly Call[]): Map<Tensor, Call> {
  return new Map(
    calls.flatMap((call) => (call.kernel === 'max_pool2d_forward' ? [[tensorOf(call, 'argmax')!, call]] : [])),
  );
}

/** Who reads an unpooled gradient and can do without: it takes the pooled one and the places of the maxima (a sum over pixels needs no places). */
const TAKES_POOLED: readonly KernelName[] = ['conv2d_backward_input', 'conv2d_backward_filter', 'bias_backward'];

/** A gradient that only convolutions and sums read is never spread out, where windows do not overlap. */
function unpoolInProducts(calls: readonly Call[], kept: ReadonlySet<Tensor>): Call[] {
  const result = [...calls];
  const dropped = new Set<Call>();
  for (const unpool of calls) {
    const { pool, stride } = unpool.ints;
    if (unpool.kernel !== 'max_pool2d_backward' || pool !== stride) continue;
    const spread = tensorOf(unpool, 'dx')!;
    const readers = calls.filter((call) => call !== unpool && Object.values(call.buffers).includes(spread));
    if (kept.has(spread) || !readers.every((call) => TAKES_POOLED.includes(call.kernel) && call.buffers.dy === spread))
      continue;
    for (const reader of readers) {
      const { dy, argmax } = unpool.buffers;
      const { shape } = tensorOf(unpool, 'dy')!;
      result[calls.indexOf(reader)] =
        reader.kernel === 'bias_backward'
          ? {
              ...reader,
              buffers: { ...reader.buffers, dy: dy! },
              ints: { ...reader.ints, rows: elements(shape.slice(0, -1)) },
            }
          : {
              ...reader,
              buffers: { ...reader.buffers, dy: dy!, argmax: argmax! },
              ints: { ...reader.ints, pool: pool!, poolStride: stride! },
            };
    }
    dropped.add(unpool);
  }
  return result.filter((call) => !dropped.has(call));
}

/** batch_norm_backward(relu_backward(dy, y)) -> batch_norm_backward(dy, y). */
function reluIntoBatchNorm(calls: readonly Call[], kept: ReadonlySet<Tensor>): Call[] {
  const reads = countReads(calls);
  const result: (Call | undefined)[] = [...calls];
  for (const [i, norm] of calls.entries()) {
    const dy = norm.kernel === 'batch_norm_backward' ? tensorOf(norm, 'dy') : undefined;
    if (dy === undefined || reads.get(dy) !== 1 || kept.has(dy)) continue;
    const j = calls.findIndex((call) => call.kernel === 'relu_backward' && call.buffers.dx === dy);
    if (j < 0) continue;
    const { dy: gradient, y } = calls[j]!.buffers;
    result[i] = { ...norm, buffers: { ...norm.buffers, dy: gradient!, y: y! } };
    result[j] = undefined;
  }
  return result.filter((call) => call !== undefined);
}

/** What may join a producer, in this order, each at most once: kernel, and how the producer changes. */
interface Epilogue {
  readonly kernel: KernelName;
  /** Buffers of it that the producer's output may be. */
  readonly inputs: readonly string[];
  /** Whether both see the output under the same shape (a reshape may stand between them). */
  readonly fits?: (producer: Call, next: Call) => boolean;
  /** How the producer changes, but for its output; `input` is the one of `inputs` that it makes. `first`: a call before all others. */
  readonly join: (
    next: Call,
    input: string,
    producer: Call,
  ) => { buffers?: Call['buffers']; ints?: Call['ints']; first?: Call };
}

const OUTPUT = {
  conv2d_forward: 'y',
  conv2d_backward_input: 'dx',
  gemm: 'c',
  batch_norm_forward: 'y',
  batch_norm_inference: 'y',
} as const;
type Producer = keyof typeof OUTPUT;

const BIAS: Epilogue = {
  kernel: 'bias_forward',
  inputs: ['x'],
  fits: (producer, next) =>
    producer.buffers.bias === undefined &&
    next.ints.k === (producer.kernel === 'gemm' ? producer.ints.n : producer.ints.k),
  join: ({ buffers: { bias } }) => ({ buffers: { bias: bias! } }),
};
const NORM: Epilogue = {
  kernel: 'batch_norm_inference',
  inputs: ['x'],
  fits: (producer, next) =>
    next.ints.k === producer.ints.k &&
    [producer.buffers.bias, ...['mean', 'variance', 'scale', 'shift'].map((name) => next.buffers[name])].every(
      (use) => use === undefined || (isTensorUse(use) && isSource(use)),
    ),
  join: ({ buffers: { x: _, y: __, ...given }, ints: { k }, reals, label }, _input, { buffers: { bias } }) => {
    const [factor, offset] = [0, 1].map(() => apply1(temporaryOp, [], { shape: [k as number] }, label));
    const buffers = { ...given, ...(bias && { bias }), factor: factor!, offset: offset! };
    return {
      buffers: { factor: factor!, bias: offset! },
      first: { kernel: 'batch_norm_affine', buffers, ints: { n: k! }, reals, label },
    };
  },
};
const ADD: Epilogue = {
  kernel: 'add_forward',
  inputs: ['a', 'b'],
  join: ({ buffers: { a, b } }, input) => ({ buffers: { addend: input === 'a' ? b! : a! } }),
};
const RELU: Epilogue = { kernel: 'relu_forward', inputs: ['x'], join: () => ({ ints: { relu: 1 } }) };
const MASK: Epilogue = {
  kernel: 'relu_backward',
  inputs: ['dy'],
  join: ({ buffers: { y } }) => ({ buffers: { mask: y! } }),
};
const MAX_POOL: Epilogue = {
  kernel: 'max_pool2d_forward',
  inputs: ['x'],
  fits: ({ ints: conv, buffers: { addend } }, { ints: pool }) =>
    addend === undefined &&
    pool.c === conv.k &&
    pool.h === outputSize(conv, 'h', 'r') &&
    pool.w === outputSize(conv, 'w', 's'),
  join: ({ buffers: { argmax }, ints: { pool, stride } }) => ({
    buffers: { argmax: argmax! },
    ints: { pool: pool!, poolStride: stride! },
  }),
};
type Epilogues = Partial<Record<Producer, readonly Epilogue[]>>;
/** First of all: later a normalization would be a producer itself. */
const NORMALIZED: Epilogues = { conv2d_forward: [BIAS, NORM] };
const EPILOGUES: Epilogues = {
  conv2d_forward: [BIAS, ADD, BIAS, RELU, MAX_POOL], // a bias may also follow the sum
  conv2d_backward_input: [ADD, MASK],
  gemm: [BIAS, RELU],
  batch_norm_forward: [ADD, RELU],
  batch_norm_inference: [ADD, RELU],
};

/** Height (size h, filter r) or width (w, s) of a convolution's output. */
export function outputSize(conv: Call['ints'], size: string, filter: string): number {
  return out(conv[size] as number, conv[filter] as number, conv.stride as number, conv.padding as number);
}

/**
 * Joins each producer with the chain that alone reads it. The joined call stays in its place, or goes to that of the call it takes in where
 * that reads what is made in between; not past a reader of the producer's other outputs. Of two producers whose outputs meet, the later takes
 * the other's.
 */
function fuseEpilogues(calls: readonly Call[], kept: ReadonlySet<Tensor>, epilogues: Epilogues): Call[] {
  const reads = countReads(calls);
  const result: (Call | undefined)[] = [...calls];
  const firsts: Call[] = [];
  for (const [start, call] of [...calls.entries()].reverse()) {
    const chain = epilogues[call.kernel as Producer];
    if (chain === undefined) continue;
    const made = OUTPUT[call.kernel as Producer];
    let producer = call;
    let place = start;
    for (const { kernel, inputs, fits, join } of chain) {
      const output = tensorOf(producer, made)!;
      if (reads.get(output) !== 1 || kept.has(output)) break;
      const at = result.findIndex((c) => c?.kernel === kernel && inputs.some((input) => c.buffers[input] === output));
      const next = result[at];
      if (next === undefined || fits?.(producer, next) === false) continue; // no bias, say: the relu may still join
      const between = result.slice(place + 1, at).filter((c) => c !== undefined);
      const late = between.some((c) => usesOf(c, 'out').some((use) => usesOf(next, 'in').includes(use)));
      if (late && between.some((c) => usesOf(c, 'in').some((use) => usesOf(producer, 'out').includes(use)))) continue;
      const input = inputs.find((name) => next.buffers[name] === output)!;
      const { buffers, ints, first } = join(next, input, producer);
      if (first !== undefined) firsts.unshift(first);
      const { name } = kernelSpecs[kernel].buffers.find(({ role }) => role === 'out')!;
      producer = {
        ...producer,
        buffers: { ...producer.buffers, ...buffers, [made]: next.buffers[name]! },
        ints: { ...producer.ints, ...ints },
      };
      result[place] = undefined;
      result[at] = undefined;
      if (late) place = at;
      result[place] = producer;
    }
  }
  return dropUnreadArgmax([...firsts, ...result.filter((call) => call !== undefined)]);
}

/** What a call reads, or what it makes. */
function usesOf(call: Call, role: 'in' | 'out'): unknown[] {
  const { buffers } = kernelSpecs[call.kernel];
  return buffers
    .filter((buffer) => (buffer.role === 'in') === (role === 'in'))
    .flatMap(({ name }) => call.buffers[name] ?? []);
}

/** A convolution that nobody asks for its argmax (inference) need not write it. */
function dropUnreadArgmax(calls: Call[]): Call[] {
  const reads = countReads(calls);
  return calls.map((call) => {
    const argmax = tensorOf(call, 'argmax');
    if (call.kernel !== 'conv2d_forward' || argmax === undefined || reads.has(argmax)) return call;
    const { argmax: _, ...buffers } = call.buffers;
    return { ...call, buffers };
  });
}
