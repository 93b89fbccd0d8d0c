/** First stage of compiling: the graph as a list of kernel calls whose buffers are still tensors. */
import { type KernelName, kernelSpecs } from '../backends/kernels.js';
import type { Emit, IntExpr, Node, Tensor } from '../graph/tensor.js';

/** A named region used from its start: what an optimizer's step works on. */
export interface RegionUse {
  readonly region: string;
  readonly length: number;
}

/** A kernel call before buffers have places. Missing optional buffers are absent. */
export interface Call {
  readonly kernel: KernelName;
  readonly buffers: Readonly<Record<string, Tensor | RegionUse>>;
  readonly ints: Readonly<Record<string, IntExpr>>;
  readonly reals: Readonly<Record<string, number | { readonly slot: string }>>;
  readonly label: string;
}

export function isTensorUse(use: Tensor | RegionUse): use is Tensor {
  return 'node' in use;
}

/** The tensor whose memory `tensor` is: itself, or what a view such as reshape looks at. */
export function baseOf(tensor: Tensor): Tensor {
  let base = tensor;
  while (base.node.op.view) base = base.node.inputs[0]!;
  return base;
}

/** All nodes that `outputs` depend on, each after its inputs (tensors are numbered as they are made, so that order will do). */
export function reachableNodes(outputs: readonly Tensor[]): Node[] {
  const seen = new Set<Node>();
  const open = outputs.map((t) => t.node);
  while (open.length > 0) {
    const node = open.pop()!;
    if (seen.has(node)) continue;
    seen.add(node);
    for (const x of node.inputs) open.push(x.node);
  }
  return [...seen].sort((a, b) => a.outputs[0]!.id - b.outputs[0]!.id);
}

/** The kernel calls of the nodes, in order. Every buffer is a base tensor. */
export function lower(nodes: readonly Node[]): Call[] {
  const calls: Call[] = [];
  for (const node of nodes) {
    const emit: Emit = (kernel, args) => calls.push(toCall(kernel, args as Record<string, unknown>, node.label));
    node.op.emit?.(node as Parameters<typeof node.op.emit>[0], emit);
  }
  return calls;
}

/** Sorts the arguments of an emitted call into buffers, ints and reals by the kernel's list. */
export function toCall(kernel: KernelName, args: Record<string, unknown>, label: string): Call {
  const spec = kernelSpecs[kernel];
  const buffers: Record<string, Tensor> = {};
  for (const { name } of spec.buffers) {
    const tensor = args[name] as Tensor | undefined;
    if (tensor !== undefined) buffers[name] = baseOf(tensor);
  }
  return {
    kernel,
    buffers,
    ints: Object.fromEntries(spec.ints.map((name) => [name, args[name] as IntExpr])),
    reals: Object.fromEntries(spec.reals.map((name) => [name, args[name] as number])),
    label,
  };
}

/** How often each tensor is read by the calls. (An op's gemm never accumulates, so its inout buffer is not read.) */
export function countReads(calls: readonly Call[]): Map<Tensor, number> {
  const reads = new Map<Tensor, number>();
  for (const call of calls)
    for (const { name, role } of kernelSpecs[call.kernel].buffers) {
      const use = call.buffers[name];
      if (role === 'in' && use !== undefined && isTensorUse(use)) reads.set(use, (reads.get(use) ?? 0) + 1);
    }
  return reads;
}
