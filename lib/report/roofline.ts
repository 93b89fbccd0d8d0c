/** `steepest bench --json` as panels: kernels under the roofs of their machine (Williams, Waterman and Patterson, "Roofline", 2009), and tables. */
import type { Chart, Series } from './chart.js';
import { type Fields, number, text } from './lines.js';
import type { Panel, Table } from './page.js';

/** A line of `bench kernels`. */
export interface KernelLine {
  readonly kernel: string;
  readonly shape: string;
  readonly device: string;
  readonly threads: number | undefined;
  readonly error: string | undefined;
  readonly medianMs: number | undefined;
  readonly gflops: number | undefined;
  readonly gbPerSecond: number | undefined;
  readonly bound: string | undefined;
  /** Part of the ceiling that bounds it. */
  readonly share: number | undefined;
  readonly timesReference: number | undefined;
}

export function kernelLine(fields: Fields): KernelLine {
  return {
    kernel: text(fields, 'kernel') ?? '',
    shape: text(fields, 'shape') ?? '',
    device: text(fields, 'device') ?? '',
    threads: number(fields, 'threads'),
    error: text(fields, 'error'),
    medianMs: number(fields, 'medianMs'),
    gflops: number(fields, 'gflops'),
    gbPerSecond: number(fields, 'gbPerSecond'),
    bound: text(fields, 'bound'),
    share: number(fields, 'shareOfPeak'),
    timesReference: number(fields, 'timesReference'),
  };
}

/** Three digits that count. */
export function digits(value: number | undefined): string {
  if (value === undefined) return '';
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
}

/** A ceiling of the machine, as a line that it bounds tells it: what it reaches is its share of the ceiling. */
function ceilingOf(lines: readonly KernelLine[], bound: 'compute' | 'memory'): number | undefined {
  const line = lines.find((one) => one.bound === bound && (one.share ?? 0) > 0);
  const reached = bound === 'compute' ? line?.gflops : line?.gbPerSecond;
  return reached === undefined ? undefined : reached / line!.share!;
}

/** The slope, where memory bounds, and the flat roof, from intensity `left` to `right`; they meet at the ridge. */
function roofs(lines: readonly KernelLine[], left: number, right: number): Series[] {
  const [compute, memory] = [ceilingOf(lines, 'compute'), ceilingOf(lines, 'memory')];
  const ridge = compute !== undefined && memory !== undefined ? compute / memory : undefined;
  const roof = (label: string, x: number[], at: (intensity: number) => number): Series[] =>
    x[0]! < x[1]! ? [{ label, x, y: x.map(at), color: 6, style: 'dashed' }] : [];
  return [
    ...(memory === undefined
      ? []
      : roof(`${digits(memory)} GB/s`, [left, Math.min(right, ridge ?? right)], (x) => x * memory)),
    ...(compute === undefined
      ? []
      : roof(`${digits(compute)} GFLOP/s`, [Math.max(left, ridge ?? left), right], () => compute)),
  ];
}

function roofline(device: string, lines: readonly KernelLine[]): Chart | undefined {
  const points = lines.flatMap(({ kernel, shape, gflops = 0, gbPerSecond = 0, bound }) =>
    gflops > 0 && gbPerSecond > 0 ? [{ x: gflops / gbPerSecond, y: gflops, name: `${kernel} ${shape}`, bound }] : [],
  );
  if (points.length === 0) return undefined;
  const x = points.map((point) => point.x);
  const group = (label: string, bound: string, color: number): Series => {
    const own = points.filter((point) => point.bound === bound);
    const [x, y, names] = [own.map((p) => p.x), own.map((p) => p.y), own.map((p) => p.name)];
    return { label, x, y, names, color, style: 'points' };
  };
  return {
    kind: 'chart',
    wide: true,
    title: `Roofline: ${device}`,
    note: 'What a kernel does against what it must read and write. One whose data stays in a cache may pass the slope.',
    x: { label: 'FLOP / byte', log: true },
    y: { label: 'GFLOP/s', log: true },
    series: [
      ...roofs(lines, Math.min(...x) / 1.5, Math.max(...x) * 1.5),
      group('nearer to the flat roof', 'compute', 0),
      group('nearer to the slope', 'memory', 1),
    ],
  };
}

function kernelTable(device: string, lines: readonly KernelLine[]): Table {
  const row = ({ kernel, shape, error, medianMs, gflops, gbPerSecond, bound, share, timesReference }: KernelLine) => {
    if (error !== undefined) return [kernel, shape, error, '', '', '', '', ''];
    const percent = share === undefined ? '' : digits(100 * share);
    return [
      kernel,
      shape,
      digits(medianMs),
      digits(gflops || undefined),
      digits(gbPerSecond),
      percent,
      bound ?? '',
      digits(timesReference),
    ];
  };
  return {
    kind: 'table',
    wide: true,
    title: `Kernels: ${device}`,
    head: ['kernel', 'shape', 'ms', 'GFLOP/s', 'GB/s', '%', 'of ceiling', 'times reference'],
    rows: lines.map(row),
  };
}

/** The device as a title has it; on the cpu, with its threads. */
function deviceOf({ device, threads }: KernelLine): string {
  return device === 'cpu' && threads !== undefined
    ? `${device}, ${threads} ${threads === 1 ? 'thread' : 'threads'}`
    : device;
}

/** A chart and a table for each device. */
export function kernelPanels(lines: readonly KernelLine[]): Panel[] {
  // A line that tells of an error does not tell the threads: it stands with those of its device.
  const devices = [...new Set(lines.filter(({ error }) => error === undefined).map(deviceOf))];
  const groups = devices.map((device) => [device, lines.filter((line) => deviceOf(line) === device)] as const);
  const failed = lines.filter(({ error }) => error !== undefined);
  return [
    ...groups.flatMap(([device, own]) => [roofline(device, own) ?? [], kernelTable(device, own)].flat()),
    ...(failed.length === 0 ? [] : [kernelTable('failed', failed)]),
  ];
}
