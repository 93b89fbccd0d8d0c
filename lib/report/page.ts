/**
 * A page of charts, tables and images as one HTML file that needs nothing else: no network, no server. Charts are drawn by uPlot, whose text
 * goes into the page; it is read when a page is made.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { replaceFile } from '../files.js';
import { type Chart, chartData, drawing } from './chart.js';

export interface Table {
  readonly kind: 'table';
  readonly title: string;
  readonly note?: string;
  readonly wide?: boolean;
  readonly head: readonly string[];
  /** Numbers, also as text, are shown as they are, aligned to the right. */
  readonly rows: readonly (readonly (string | number)[])[];
  /** How strongly a cell is coloured: 0 .. 1 in blue, 0 .. -1 in orange. */
  readonly shade?: (row: number, column: number) => number;
}

export interface Images {
  readonly kind: 'images';
  readonly title: string;
  readonly note?: string;
  readonly wide?: boolean;
  readonly images: readonly { readonly src: string; readonly caption?: string }[];
  /** Height on the screen in pixels; small images are enlarged without smoothing. Default 64. */
  readonly height?: number;
}

/** One that is `wide` takes the page's whole width; the others stand two beside each other where there is room. */
export type Panel = Chart | Table | Images;

export interface Page {
  readonly title: string;
  /** A line under the title. */
  readonly note?: string;
  readonly panels: readonly Panel[];
}

/** Text as it may stand in HTML, in attributes too. */
function escape(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** JSON as it may stand in a script element. */
function json(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

const NUMBER = /^-?\d[\d.,]*(e-?\d+)?$/;

function table({ head, rows, shade }: Table): string {
  const side = (text: string) => (NUMBER.test(text) ? ' class="number"' : '');
  const cell = (value: string | number, row: number, column: number) => {
    const strength = shade?.(row, column) ?? 0;
    const color = `rgba(${strength > 0 ? '0,114,178' : '213,94,0'},${(0.75 * Math.min(1, Math.abs(strength))).toFixed(3)})`;
    return `<td${side(String(value))}${strength === 0 ? '' : ` style="background:${color}"`}>${escape(String(value))}</td>`;
  };
  const heading = (name: string, column: number) => {
    const numbers = rows.find((row) => side(String(row[column] ?? '')) !== '');
    return `<th${numbers === undefined ? '' : ' class="number"'}>${escape(name)}</th>`;
  };
  const body = rows.map((cells, r) => `<tr>${cells.map((value, c) => cell(value, r, c)).join('')}</tr>`);
  return `<table><thead><tr>${head.map(heading).join('')}</tr></thead>\n<tbody>${body.join('\n')}</tbody></table>`;
}

function images({ images, height = 64 }: Images): string {
  const figures = images.map(({ src, caption }) => {
    const text = caption === undefined ? '' : `<figcaption>${escape(caption)}</figcaption>`;
    return `<figure><img src="${escape(src)}" alt="${escape(caption ?? '')}" height="${height}">${text}</figure>`;
  });
  return `<div class="images">${figures.join('\n')}</div>`;
}

function panel(one: Panel): string {
  const inside =
    one.kind === 'chart'
      ? `<div class="chart"><script type="application/json">${json(chartData(one))}</script></div>`
      : one.kind === 'table'
        ? table(one)
        : images(one);
  const note = one.note === undefined ? '' : `<p>${escape(one.note)}</p>`;
  return `<section class="${one.kind}-panel${one.wide ? ' wide' : ''}"><h2>${escape(one.title)}</h2>${note}${inside}</section>`;
}

const style = `
body { font: 14px/1.45 system-ui, sans-serif; color: #222; background: #f5f5f3; margin: 0 auto; padding: 20px; max-width: 1280px; }
h1 { font-size: 22px; margin: 0 0 2px; }
h2 { font-size: 15px; margin: 0 0 6px; }
p { color: #555; margin: 0 0 8px; }
main { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(540px, 100%), 1fr)); gap: 16px; margin-top: 14px; align-items: start; }
section { background: #fff; border: 1px solid #ddd; border-radius: 6px; padding: 14px; overflow-x: auto; min-width: 0; }
.wide { grid-column: 1 / -1; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
.table-panel th, .table-panel td { padding: 2px 9px; border-bottom: 1px solid #eee; text-align: left; }
.table-panel td:first-child, .table-panel td.number { white-space: nowrap; }
.table-panel .number { text-align: right; }
.images { display: flex; flex-wrap: wrap; gap: 8px; }
figure { margin: 0; text-align: center; font-size: 12px; color: #555; }
img { image-rendering: pixelated; display: block; margin: 0 auto; background: #eee; }
.u-legend { font-size: 12.5px; }
`;

/** The whole page as HTML. */
export function pageOf({ title, note, panels }: Page): string {
  const part = (file: string) => readFileSync(createRequire(__filename).resolve(`uplot/dist/${file}`), 'utf8');
  const charts = panels.some(({ kind }) => kind === 'chart');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escape(title)}</title>
<style>${charts ? part('uPlot.min.css') : ''}${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
${note === undefined ? '' : `<p>${escape(note)}</p>`}
<main>
${panels.map(panel).join('\n')}
</main>
${charts ? `<script>${part('uPlot.iife.min.js')}</script>\n<script>${drawing}</script>` : ''}
</body>
</html>
`;
}

/** Writes the page. @throws ERR_FILE where that cannot be */
export function writePage(where: string, path: string, page: Page): Promise<void> {
  return replaceFile(where, 'the page', path, Buffer.from(pageOf(page)));
}
