import { expect, test } from 'vitest';
import { type Chart, chartData } from '../../lib/report/chart.js';
import { type Panel, pageOf, writePage } from '../../lib/report/page.js';

const chart = (series: Chart['series'], log = false): Chart => ({
  kind: 'chart',
  title: 't',
  x: { label: 'x', log },
  y: { label: 'y', log },
  series,
});

test('the series of a chart get one sorted column of x, and what cannot be shown is left out', () => {
  const lines = [
    { label: 'a', x: [3, 1, 2], y: [30, 10, Number.NaN] },
    { label: 'b', x: [2, 3], y: [-2, 0], style: 'dashed' as const, color: 0 },
  ];
  const { columns, series } = chartData(chart(lines));
  expect(columns).toEqual([
    [1, 2, 3],
    [10, null, 30],
    [null, -2, 0],
  ]);
  expect(series).toEqual([
    { label: 'a', style: 'line', color: '#0072b2' },
    { label: 'b', style: 'dashed', color: '#0072b2' },
  ]);
  expect(chartData(chart(lines, true)).columns).toEqual([
    [Math.log10(1), Math.log10(3)],
    [Math.log10(10), Math.log10(30)],
    [null, null],
  ]);
});

test('points of one x stay apart, with their names', () => {
  const points = { label: 'p', style: 'points' as const, x: [5, 5, 1], y: [1, 2, 3], names: ['one', 'two', 'three'] };
  const { columns, series } = chartData(chart([points, { label: 'l', x: [5], y: [9] }]));
  expect(columns).toEqual([
    [1, 5, 5],
    [3, 1, 2],
    [null, 9, null],
  ]);
  expect(series[0]!.names).toEqual(['three', 'one', 'two']);
});

const hostile = '</script><script>alert(1)</script>"\'&';
const panels: Panel[] = [
  { ...chart([{ label: hostile, x: [1], y: [2] }]), title: hostile, note: hostile },
  { kind: 'table', title: hostile, head: [hostile], rows: [[hostile, 5]], shade: (_, column) => column },
  { kind: 'images', title: hostile, images: [{ src: `data:,${hostile}`, caption: hostile }] },
];

test('a page is one file: no address outside, and nothing that was given becomes markup', () => {
  const page = pageOf({ title: hostile, note: hostile, panels });
  expect(page).not.toMatch(/<(script|link|img)[^>]*(src|href)="(?!data:)[^>]*>/);
  expect(page.match(/<script/g)).toHaveLength(3); // the chart's data, uPlot, the drawing
  expect(page).not.toContain('<script>alert');
  expect(page).toContain('<td class="number" style="background:rgba(0,114,178,0.750)">5</td>');
  const [, data] = /<script type="application\/json">(.*?)<\/script>/.exec(page)!;
  expect(JSON.parse(data!).series[0].label).toBe(hostile);
});

test('a page without charts carries no drawing', () => {
  const page = pageOf({ title: 't', panels: panels.slice(1) });
  expect(page).not.toContain('<script');
  expect(page.length).toBeLessThan(5000);
});

test('where a page cannot be written, it says so', async () => {
  await expect(writePage('report', '/no/such/folder/a.html', { title: 't', panels: [] })).rejects.toMatchObject({
    code: 'ERR_FILE',
    message: "report: expected a file to write for the page but '/no/such/folder/a.html' gave ENOENT",
  });
});
