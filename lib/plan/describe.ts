/** A plan for people: its calls with shapes, bytes and floating-point operations. */
import type { Plan, PlanCall } from '../backends/backend.js';
import { kernelSpecs } from '../backends/kernels.js';
import { elementBytes, intAt } from './compile.js';

export interface CallCost {
  readonly label: string;
  readonly kernel: string;
  /** How a convolution is computed, and what was fused into the call: `Winograd F(4x4,3x3) + bias + relu`. '' where there is nothing to say. */
  readonly method: string;
  /** Whole numbers that are not 0, by name: `m=128 n=10 k=128`. */
  readonly sizes: string;
  readonly segment: number;
  /** Of the prologue: not a part of each step. */
  readonly once: boolean;
  /** Bytes of all buffers the call reads and writes, each once. */
  readonly bytes: number;
  readonly flops: number;
}

/** What each call of the plan costs on a batch of `images` (default: the largest). */
export function planCosts(plan: Plan, images = plan.maxBatch): CallCost[] {
  return plan.calls.map((call, i) => {
    const ints = intsOf(call, images);
    const spec = kernelSpecs[call.kernel];
    let bytes = 0;
    for (const [b, { length, type }] of spec.buffers.entries()) {
      if (call.buffers[b]! < 0) continue;
      // Of a gather's source, only the rows taken are read.
      const elements = call.kernel.startsWith('gather') && b === 0 ? ints.rows! * (ints.k || 1) : length(ints);
      bytes += elements * elementBytes(type, plan.precision);
    }
    const sizes = Object.entries(ints)
      .filter(([name, value]) => value !== 0 && name !== 'first' && name !== 'seed')
      .map(([name, value]) => `${name}=${value}`)
      .join(' ');
    const method = methodOf(call, ints);
    return {
      label: call.label,
      kernel: call.kernel,
      method,
      sizes,
      segment: call.segment,
      once: i < (plan.prologue ?? 0),
      bytes,
      flops: spec.flops(ints),
    };
  });
}

function intsOf(call: PlanCall, images: number): Record<string, number> {
  return Object.fromEntries(kernelSpecs[call.kernel].ints.map((name, i) => [name, intAt(call.ints[i]!, images)]));
}

function methodOf(call: PlanCall, ints: Record<string, number>): string {
  const { r, tile = 0, relu, pool, poolStride } = ints;
  const { buffers } = kernelSpecs[call.kernel];
  const has = (name: string) => buffers.some((b, i) => b.optional && b.name === name && call.buffers[i]! >= 0);
  const convolution = call.kernel.startsWith('conv2d');
  const parts: string[] = [];
  if (convolution) parts.push(tile > 0 ? `Winograd F(${tile}x${tile},${r}x${r})` : 'direct');
  if (has('factor')) parts.push('factor');
  if (has('bias')) parts.push('bias');
  if (has('addend')) parts.push('add');
  if (relu) parts.push('relu');
  if (convolution && pool! > 0) {
    const window = `${pool}x${pool}${poolStride === pool ? '' : ` step ${poolStride}`}`;
    parts.push(`${call.kernel === 'conv2d_forward' ? 'max pool' : 'unpooling'} ${window}`);
  }
  if (has('mask') || has('y')) parts.push("relu'");
  if (has('moments')) parts.push('moments');
  return parts.join(' + ');
}

/** The plan as a table, with totals and the size of its arena. */
export function describePlan(plan: Plan): string {
  const costs = planCosts(plan);
  const rows = costs.map((c, i) => [
    String(i),
    c.once ? 'once' : c.segment < 0 ? '' : `s${c.segment}`,
    c.label,
    c.kernel,
    c.method,
    c.sizes,
    amount(c.bytes, 'B'),
    amount(c.flops, 'FLOP'),
  ]);
  const header = ['#', 'seg', 'layer', 'kernel', 'method', 'sizes', 'memory', 'work'];
  const widths = header.map((h, column) => Math.max(h.length, ...rows.map((row) => row[column]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, column) => (column >= 6 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
  const total = stepTotals(costs);
  return [
    `${plan.name}: ${plan.calls.length} kernel calls, batch up to ${plan.maxBatch}, ${plan.precision}`,
    line(header),
    ...rows.map(line),
    `arena ${amount(plan.arenaBytes, 'B')}, traffic ${amount(total.bytes, 'B')}, work ${amount(total.flops, 'FLOP')} a step`,
  ].join('\n');
}

/** Of the calls that each step makes. */
export function stepTotals(costs: readonly CallCost[]): { bytes: number; flops: number } {
  const total = { bytes: 0, flops: 0 };
  for (const { once, bytes, flops } of costs) {
    if (once) continue;
    total.bytes += bytes;
    total.flops += flops;
  }
  return total;
}

/** 1234567 B -> '1.23 MB'. */
function amount(value: number, unit: string): string {
  const prefixes = ['', 'k', 'M', 'G', 'T'];
  let scaled = value;
  let prefix = 0;
  while (scaled >= 1000 && prefix < prefixes.length - 1) {
    scaled /= 1000;
    prefix++;
  }
  const digits = prefix === 0 || scaled >= 100 ? 0 : scaled >= 10 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${prefixes[prefix]}${unit}`;
}
