/** Charts of a page: their data made ready here, drawn in the browser by uPlot. */

export interface Axis {
  readonly label: string;
  /** Logarithmic; values of 0 and below are left out. Default false. */
  readonly log?: boolean;
}

export interface Series {
  readonly label: string;
  readonly x: readonly number[];
  /** As many as x. What is no finite number is left out. */
  readonly y: readonly (number | null | undefined)[];
  /** Default 'line'. */
  readonly style?: 'line' | 'dashed' | 'points';
  /** Place in the palette: series that belong together have one colour. Default: place among the series. */
  readonly color?: number;
  /** What each point is, told under the chart where the cursor comes near it. */
  readonly names?: readonly string[];
}

export interface Chart {
  readonly kind: 'chart';
  readonly title: string;
  readonly note?: string;
  readonly wide?: boolean;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

/** Colours that stay apart for the colour-blind too (Okabe and Ito 2008). */
const palette = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#595959'];

/**
 * A chart as the drawing code takes it. uPlot wants one sorted column of x for all series, and a column of y for each. Of a logarithmic axis
 * they are logarithms to base 10: uPlot's own logarithmic scale does not get along with numbers below 1e-16.
 */
export interface ChartData {
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly {
    readonly label: string;
    readonly style: 'line' | 'dashed' | 'points';
    readonly color: string;
    /** By row of the columns. */
    readonly names?: readonly (string | null)[];
  }[];
  readonly columns: readonly (readonly (number | null)[])[];
}

interface Row {
  readonly x: number;
  readonly y: (number | null)[];
  readonly names: (string | null)[];
}

export function chartData({ x, y, series }: Chart): ChartData {
  const shown = (value: number | null | undefined, { log }: Axis): value is number =>
    typeof value === 'number' && Number.isFinite(value) && !(log && value <= 0);
  const place = (value: number, { log }: Axis) => (log ? Math.log10(value) : value);
  const points = series.flatMap((one, s) =>
    one.x.flatMap((at, i) => {
      const value = one.y[i];
      return shown(at, x) && shown(value, y) ? [{ x: at, y: value, s, name: one.names?.[i] ?? null }] : [];
    }),
  );
  points.sort((a, b) => a.x - b.x); // keeps the order of equals
  const rows: Row[] = [];
  // Of the rows of one x, how many each series has used.
  let used = series.map(() => 0);
  let first = 0;
  for (const point of points) {
    if (rows[first]?.x !== point.x) [first, used] = [rows.length, series.map(() => 0)];
    const at = first + used[point.s]!++;
    rows[at] ??= { x: point.x, y: series.map(() => null), names: series.map(() => null) };
    rows[at].y[point.s] = point.y;
    rows[at].names[point.s] = point.name;
  }
  return {
    x,
    y,
    series: series.map(({ label, style = 'line', color, names }, s) => ({
      label,
      style,
      color: palette[(color ?? s) % palette.length]!,
      ...(names && { names: rows.map((row) => row.names[s]!) }),
    })),
    columns: [
      rows.map((row) => place(row.x, x)),
      ...series.map((_, s) => rows.map((row) => (row.y[s] === null ? null : place(row.y[s]!, y)))),
    ],
  };
}

/** What runs in the browser, after uPlot: each `.chart` holds its ChartData as JSON. */
export const drawing = `
const digits = (v, n) => {
  if (v == null) return '';
  const size = Math.abs(v);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return Number(v.toPrecision(n)).toExponential().replace('e+', 'e');
  return Number(v.toPrecision(n)).toLocaleString('en-US', { maximumSignificantDigits: n });
};
// Marks between min and max: steps of 1, 2 or 5 times a power of ten; on a logarithmic axis decades, where it has some.
const steps = (min, max) => {
  const raw = (max - min) / 6;
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * [1, 2, 5, 10].find((m) => m * unit >= raw);
  const first = Math.ceil(min / step);
  return Array.from({ length: 12 }, (_, i) => (first + i) * step).filter((v) => v <= max);
};
const marks = (log) => (u, axis, min, max) => {
  if (!(max > min)) return [min];
  if (!log) return steps(min, max);
  const span = max - min;
  if (span < 1.2) return steps(10 ** min, 10 ** max).map(Math.log10);
  const every = Math.ceil(span / 8);
  const parts = span < 3 ? [1, 2, 5] : [1];
  const decades = Array.from({ length: Math.ceil(span) + 1 }, (_, i) => Math.floor(min) + i).filter((d) => d % every === 0);
  return decades.flatMap((d) => parts.map((part) => d + Math.log10(part))).filter((v) => v >= min && v <= max);
};
for (const element of document.querySelectorAll('.chart')) {
  const { x, y, series, columns } = JSON.parse(element.firstElementChild.textContent);
  const text = ({ log }, v, n) => digits(v == null || !log ? v : 10 ** v, n);
  // The row under the cursor: of a line the nearest that has a value, of points the nearest on the screen.
  const nearest = (u, s, row) => {
    if (s === 0 || row == null) return row;
    const { left, top } = u.cursor;
    const points = series[s - 1].style === 'points';
    let [best, least] = [row, Infinity];
    columns[s].forEach((value, i) => {
      if (value === null) return;
      const down = points ? u.valToPos(value, 'y') - top : 0;
      const far = Math.hypot(u.valToPos(columns[0][i], 'x') - left, down);
      if (far < least) [best, least] = [i, far];
    });
    return best;
  };
  const axis = (one) => ({
    label: one.label,
    size: 62,
    labelSize: 22,
    grid: { stroke: '#e8e8e8', width: 1 },
    ticks: { stroke: '#c8c8c8', width: 1 },
    splits: marks(one.log),
    values: (_, splits) => splits.map((v) => text(one, v, 6)),
  });
  const height = element.clientWidth > 800 ? 460 : 340;
  const plot = new uPlot(
    {
      width: element.clientWidth,
      height,
      scales: { x: { time: false } },
      axes: [{ ...axis(x), size: 40 }, axis(y)],
      cursor: { dataIdx: nearest, points: { size: 7 } },
      series: [
        { label: x.label, value: (_, v) => text(x, v, 4) },
        ...series.map(({ label, style, color, names }) => ({
          label,
          stroke: color,
          width: 1.8,
          spanGaps: true,
          value: (_, v, s, row) => (names && row != null && names[row] ? names[row] + ': ' : '') + text(y, v, 4),
          ...(style === 'dashed' && { dash: [7, 5], width: 1.2 }),
          ...(style === 'points'
            ? { paths: () => null, points: { show: true, size: 7, fill: color } }
            : { points: { show: columns[0].length < 40 && style === 'line', size: 5 } }),
        })),
      ],
    },
    columns,
    element,
  );
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height })).observe(element);
}
`;
