/** `steepest report`: a page of charts from a log of training, or from a bench of kernels. */
import { Command } from 'commander';
import { writePage } from '../report/page.js';
import { reportOf } from '../report/report.js';
import { type Io, OK } from './io.js';
import { examples } from './values.js';

export function reportCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('report')
    .description('draw a log of training, or a bench of kernels, as one page of HTML')
    .argument('<file>', 'what train --log FILE wrote, or train --json or bench kernels --json printed')
    .option('--out <file>', 'the page (default: beside the file, its ending .html)')
    .addHelpText('after', examples('report run.jsonl', 'report kernels.jsonl --out roofline.html'))
    .action(async (file: string, options: { out?: string }) => {
      const out = options.out ?? `${file.replace(/\.(jsonl?|txt|log)$/, '')}.html`;
      await writePage('report', out, await reportOf(file));
      io.out(`${out}\n`);
      finish(OK);
    });
}
