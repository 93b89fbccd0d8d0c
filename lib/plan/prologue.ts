/**
 * Fifth stage of compiling: calls that depend on nothing but parameters and constants which no call of the plan writes run once for all
 * steps. In inference the weights stand still, so transformed filters are made once.
 */
import { kernelSpecs } from '../backends/kernels.js';
import { type IntExpr, inputOp, isBatched, isSource, type Tensor } from '../graph/tensor.js';
import { type Call, isTensorUse, type RegionUse } from './lower.js';

/** Puts those calls first and counts them. `regionOf` names the region that a buffer lies in; undefined: the arena. */
export function prologueFirst(
  calls: readonly Call[],
  regionOf: (use: Tensor | RegionUse) => string | undefined,
): { calls: Call[]; prologue: number } {
  const changed = new Set<string | undefined>();
  const writers = new Map<Tensor | RegionUse, number>();
  for (const use of calls.flatMap(writes)) {
    changed.add(regionOf(use));
    writers.set(use, (writers.get(use) ?? 0) + 1);
  }
  const made = new Set<Tensor | RegionUse>();
  const stands = (use: Tensor | RegionUse) =>
    made.has(use) ||
    (isTensorUse(use) && isSource(use) && use.node.op !== inputOp && !changed.has(regionOf(use) as string));
  const ownResult = (use: Tensor | RegionUse) =>
    isTensorUse(use) && !isBatched(use.shape) && regionOf(use) === undefined && writers.get(use) === 1;
  const once = new Set<Call>();
  for (const call of calls) {
    const numbers = Object.values(call.reals).every((real) => typeof real === 'number');
    if (!numbers || !Object.values(call.ints).every(isFixed)) continue;
    if (!uses(call, ['in']).every(stands) || !writes(call).every(ownResult)) continue;
    once.add(call);
    for (const use of writes(call)) made.add(use);
  }
  return { calls: [...once, ...calls.filter((call) => !once.has(call))], prologue: once.size };
}

function uses({ kernel, buffers }: Call, roles: readonly string[]): (Tensor | RegionUse)[] {
  return kernelSpecs[kernel].buffers.flatMap(({ name, role }) => (roles.includes(role) ? (buffers[name] ?? []) : []));
}

/** What a call changes. (An op's gemm never accumulates, so its inout buffer is not read.) */
function writes(call: Call): (Tensor | RegionUse)[] {
  return uses(call, ['out', 'inout']);
}

function isFixed(value: IntExpr): boolean {
  return (
    typeof value === 'number' || (value.slot === undefined && !value.perImage && !value.perBatch && !value.perFirst)
  );
}
