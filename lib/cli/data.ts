/** `steepest data`: fetches data sets. */
import { SingleBar } from 'cli-progress';
import { Argument, Command } from 'commander';
import { type FetchedName, fetchedNames } from '../data/catalogue.js';
import { type FetchProgress, fetchDataset } from '../data/fetch.js';
import { examples, jsonOption } from './arguments.js';
import { INTERRUPTED, type Io, jsonLine, OK } from './io.js';

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
  const stopping = new AbortController();
  const { signal } = stopping;
  const release = io.onInterrupt(() => stopping.abort());
  const progress = new Bar(io);
  const onProgress = (at: FetchProgress) => progress.draw(at);
  try {
    const folder = await fetchDataset(name, { dir, mirror, signal, onProgress });
    progress.close();
    if (json) jsonLine(io, { event: 'done', name, dir: folder });
    else io.out(`${name} is in ${folder}\n`);
    return OK;
  } catch (error) {
    progress.close();
    if (!signal.aborted) throw error;
    if (json) jsonLine(io, { event: 'done', name, stopped: true });
    else io.out('stopped; the same command goes on with what has arrived\n');
    return INTERRUPTED;
  } finally {
    release();
  }
}

/** A bar on a terminal, one file after the other. */
class Bar {
  #bar: SingleBar | undefined;
  #file = '';
  constructor(private readonly io: Io) {}

  draw({ file, bytes, total }: FetchProgress): void {
    if (!this.io.terminal) return;
    if (file !== this.#file) this.close();
    if (this.#bar === undefined) {
      this.#file = file;
      const format = '{file} [{bar}] {value}/{total} MB';
      const stream = process.stderr;
      this.#bar = new SingleBar({ format, barsize: 30, hideCursor: true, clearOnComplete: true, stream });
      this.#bar.start(1, 0, { file });
    }
    const megabytes = (value: number) => Number((value / 1e6).toFixed(1));
    this.#bar.setTotal(megabytes(total ?? bytes));
    this.#bar.update(megabytes(bytes), { file });
  }

  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}
