/** A page in a browser: charts are drawn, in the colours of their series. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writePage } from '../../lib/report/page.js';
import { chromium, pixelsOf, show } from '../helpers/chromium.js';
import { temporaryFolder } from '../helpers/temporary.js';

const folder = temporaryFolder('page');

test.skipIf(chromium === undefined)('charts, tables and images show', async () => {
  const path = join(folder, 'page.html');
  const x = Array.from({ length: 50 }, (_, i) => i + 1);
  const axes = { x: { label: 'time' }, y: { label: 'size', log: true } };
  await writePage('test', path, {
    title: 'A page',
    panels: [
      { kind: 'chart', title: 'Lines', ...axes, series: [{ label: 'falls', x, y: x.map((v) => 10 ** -v) }] },
      {
        ...{ kind: 'chart', title: 'Points', ...axes },
        series: [{ label: 'points', x, y: x, style: 'points', color: 1, names: x.map(String) }],
      },
      { kind: 'table', title: 'Numbers', head: ['a'], rows: [[42]] },
    ],
  });
  const { dom, screenshot } = show(path, 1200, 1000);
  expect(dom.match(/class="uplot/g)).toHaveLength(2);
  expect(dom.match(/<canvas/g)).toHaveLength(2);
  expect(dom).toContain('<td class="number">42</td>');
  expect(screenshot.shape.slice(0, 2)).toEqual([1000, 1200]);
  expect(pixelsOf(screenshot, 0x0072b2)).toBeGreaterThan(300); // the line
  expect(pixelsOf(screenshot, 0xd55e00)).toBeGreaterThan(300); // 50 points of 7 pixels across
});
