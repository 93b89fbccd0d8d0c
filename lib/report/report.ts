/** A page from what a command printed with --json, or from a log of training. */
import { basename } from 'node:path';
import { wrongFormat } from '../errors.js';
import { type Fields, readLines, text } from './lines.js';
import type { Page } from './page.js';
import { type KernelLine, kernelLine, kernelPanels } from './roofline.js';
import { type Event, event, runPanels, summary } from './run.js';

function read(fields: Fields): Event | KernelLine | undefined {
  if (text(fields, 'event') !== undefined) return event(fields);
  return text(fields, 'bench') === 'kernel' ? kernelLine(fields) : undefined;
}

/** @throws ERR_FORMAT, with the line, where the file is something else; Node's own error where it cannot be read */
export async function reportOf(path: string): Promise<Page> {
  const lines = await readLines('report', path, read);
  const events = lines.filter((line) => line !== undefined && 'event' in line);
  const kernels = lines.filter((line) => line !== undefined && 'kernel' in line);
  const panels = [...runPanels(events), ...kernelPanels(kernels)];
  if (panels.length === 0)
    throw wrongFormat(
      'report',
      `${path}: expected lines of 'steepest train' or 'steepest bench kernels' but found no epoch, iteration or kernel`,
    );
  return { title: basename(path), note: summary(events), panels };
}
