/** A page as a browser shows it: Chromium or Chrome without a window, where one is installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Image } from '../../lib/data/jpeg.js';
import { decodePng } from '../../lib/data/png.js';

/** The program; undefined where there is none. */
export const chromium = ['chromium', 'chromium-browser', 'google-chrome'].find(
  (name) => spawnSync(name, ['--version']).status === 0,
);

export interface Shown {
  /** The document after its scripts ran. */
  readonly dom: string;
  readonly screenshot: Image;
  readonly png: Buffer;
}

/** Opens a file and looks at it, without any network. */
export function show(path: string, width: number, height: number): Shown {
  const folder = mkdtempSync(join(tmpdir(), 'steepest-chromium-'));
  try {
    const args = [
      ...['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-extensions'],
      ...['--disable-background-networking', '--disable-component-update', '--host-resolver-rules=MAP * ~NOTFOUND'],
      ...[`--user-data-dir=${join(folder, 'profile')}`, '--hide-scrollbars', `--window-size=${width},${height}`],
      ...['--force-device-scale-factor=1', '--dump-dom', `--screenshot=${join(folder, 'shot.png')}`],
    ];
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    const dom = execFileSync(chromium!, [...args, pathToFileURL(path).href], {
      ...{ encoding: 'utf8', stdio: [...stdio], maxBuffer: 1 << 26, timeout: 120_000 },
    });
    const png = readFileSync(join(folder, 'shot.png'));
    return { dom, screenshot: decodePng(png)!, png };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** How many pixels are of a colour, 0xrrggbb, or near it: within 40 in each channel. */
export function pixelsOf({ shape, data }: Image, color: number): number {
  const near = (i: number, shift: number) => Math.abs(data[i]! - ((color >> shift) & 255)) <= 40;
  let count = 0;
  for (let i = 0; i < data.length; i += shape[2]) if (near(i, 16) && near(i + 1, 8) && near(i + 2, 0)) count++;
  return count;
}
