/** `steepest data`: fetches data sets. */
import { Argument, Command } from 'commander';
import { type FetchedName, fetchedNames } from '../data/catalogue.js';
import { type FetchProgress, fetchDataset } from '../data/fetch.js';
import { Bar } from './bar.js';
import { INTERRUPTED, type Io, interruptible, jsonLine, OK } from './io.js';
import { examples, jsonOption } from './values.js';

export interface DataArguments {
  readonly dir?: string;
  readonly mirror?: string;
  readonly json?: boolean;
}

export function dataCommand(io: Io, finish: (code: number) => void): Command {
  return new Command('data')
    .description('fetch a data set: files with checked sums, resumed where a transfer broke off')
    .addArgument(new Argument('<action>', 'what to do').choices(['fetch']))
    .addArgument(new Argument('<name>', 'the data set').choices(fetchedNames))
    .option('--dir <dir>', 'folder that the files go to (default: data/<name>)')
    .option('--mirror <url>', 'another place that hands out the same files')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      examples(
        'data fetch mnist --dir data/mnist',
        'data fetch cifar10 --dir data/cifar --mirror https://example.org/cifar',
      ),
    )
    .action(async (_action: 'fetch', name: FetchedName, options: DataArguments) =>
      finish(await fetchData(name, options, io)),
    );
}

/** Runs the command; resolves to its exit code. */
async function fetchData(name: FetchedName, { dir, mirror, json }: DataArguments, io: Io): Promise<number> {
  const progress = new FileBar(io);
  const onProgress = (at: FetchProgress) => progress.draw(at);
  const folder = await interruptible(io, (signal) =>
    fetchDataset(name, { dir, mirror, signal, onProgress }).finally(() => progress.close()),
  );
  if (folder === undefined) {
    if (json) jsonLine(io, { event: 'done', name, stopped: true });
    else io.out('stopped; the same command goes on with what has arrived\n');
    return INTERRUPTED;
  }
  if (json) jsonLine(io, { event: 'done', name, dir: folder });
  else io.out(`${name} is in ${folder}\n`);
  return OK;
}

/** A bar for one file after the other. */
class FileBar {
  readonly #bar: Bar;
  #file = '';
  constructor(io: Io) {
    this.#bar = new Bar(io);
  }

  draw({ file, bytes, total }: FetchProgress): void {
    if (file !== this.#file) this.close();
    this.#file = file;
    const megabytes = (value: number) => Number((value / 1e6).toFixed(1));
    this.#bar.draw('{file} [{bar}] {value}/{total} MB', megabytes(bytes), megabytes(total ?? bytes), { file });
  }

  close(): void {
    this.#bar.close();
  }
}
