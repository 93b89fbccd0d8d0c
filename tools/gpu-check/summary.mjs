// The short table at the end of gpu:check.

const rowsOf = (stage) =>
  (stage?.steps ?? []).flatMap(({ rows = [] }) => rows).filter(({ error }) => error === undefined);

/** Lines in columns, the first to the left, the others to the right. */
function columns(lines) {
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  return lines.map((line) =>
    line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
  );
}

/** Of rows of the same network, mode and precision (from runs with other variants of PyTorch) the one with PyTorch's best time. */
export function bestRows(rows) {
  const best = new Map();
  for (const row of rows.filter(({ torchMs }) => torchMs !== undefined)) {
    const key = [row.model, row.mode, row.precision].join();
    if (!(best.get(key)?.torchMs <= row.torchMs)) best.set(key, row);
  }
  return [...best.values()];
}

const ms = (value) => `${Number(value.toPrecision(4))}`;
const geometricMean = (values) => Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);

function peerTable(stage) {
  const rows = bestRows(rowsOf(stage));
  if (rows.length === 0) return [];
  const lines = rows.map((r) => [
    `${r.model} ${r.mode} ${r.precision}`,
    ms(r.steepestMs),
    ms(r.torchMs),
    r.torchVariant,
    r.ratio.toFixed(2),
  ]);
  return ['', ...columns([['step', 'steepest ms', 'torch ms', 'variant', 'ratio'], ...lines])];
}

function gemmTable(stage) {
  const rows = rowsOf(stage).filter(({ m, n, k }) => m === n && n === k);
  if (rows.length === 0) return [];
  const rate = ({ m, n, k }, time) => ((2 * m * n * k) / time / 1e9).toFixed(1);
  const lines = rows.map((r) => [
    `gemm ${r.m} ${r.precision}`,
    rate(r, r.steepestMs),
    rate(r, r.torchMs),
    r.ratio.toFixed(2),
  ]);
  return ['', ...columns([['product', 'steepest TFLOP/s', 'torch TFLOP/s', 'ratio'], ...lines])];
}

function convTable(stage) {
  const found = new Map();
  for (const row of rowsOf(stage)) {
    const key = `${row.kernel} ${row.precision}`;
    found.set(key, [...(found.get(key) ?? []), row]);
  }
  if (found.size === 0) return [];
  const lines = [...found].map(([what, rows]) => {
    const ratios = rows.map(({ ratio }) => ratio);
    return [
      what,
      `${rows.length}`,
      geometricMean(ratios).toFixed(2),
      Math.min(...ratios).toFixed(2),
      Math.max(...ratios).toFixed(2),
    ];
  });
  return ['', ...columns([['convolutions', 'shapes', 'ratio (mean)', 'least', 'most'], ...lines])];
}

/** A line a stage, then the figures. ratio: PyTorch's time by steepest's. */
export function summary(results) {
  const lines = Object.entries(results).map(([name, { status, reason, seconds, steps = [] }]) => {
    const missed = steps.filter((step) => step.status !== 'done').map((step) => `${step.name}: ${step.status}`);
    const why = reason ?? (missed.length > 0 ? missed.slice(0, 6).join('; ') : '');
    return `${name.padEnd(10)} ${status.padEnd(10)} ${seconds === undefined ? ''.padStart(7) : `${seconds} s`.padStart(7)}  ${why}`.trimEnd();
  });
  const runs = (results.mnist?.steps ?? []).filter(({ trainSeconds }) => trainSeconds !== undefined);
  const mnist = runs.map(
    (r) => `mnist-fast ${r.precision}, seed ${r.seed}: ${r.testAccuracy} after ${ms(r.trainSeconds)} s of training`,
  );
  return [
    ...lines,
    ...(mnist.length > 0 ? ['', ...mnist] : []),
    ...gemmTable(results.gemm),
    ...convTable(results.conv),
    ...peerTable(results.peers),
  ].join('\n');
}
