/**
 * A rival in a process of its own: a command a line goes in, a JSON object a line comes back. Commands, for all rivals:
 *
 *     load DIR           takes the network, the first weights and the batch from DIR (see subject.ts)
 *     check VARIANT N    from the first weights: outputs for the batch, then the losses of N training steps
 *     run VARIANT N      one step untimed, then N steps; milliseconds a step, and the last loss
 *     learn VARIANT E ROWS RATE   E epochs over batches of so many rows; mean loss and seconds of each (PyTorch)
 *     memory VARIANT N   N steps and nothing else; the most memory the process has had, in KiB (PyTorch)
 *     quit
 *
 * The sides of gemm.ts and conv.ts have commands of their own: see torch_gemm_worker.py and torch_conv_worker.py.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export class Worker {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #what: string;
  readonly #waiting: { resolve(line: string): void; reject(error: Error): void }[] = [];
  #errors = '';
  #ended: Error | undefined;

  constructor(what: string, command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#what = what;
    this.#process = spawn(command, args, { env: { ...process.env, ...env } });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#waiting.shift()?.resolve(line));
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-2000);
    });
    this.#process.stdin.on('error', () => {}); // the end is told by 'close'
    this.#process.on('error', (error) => this.#end(new Error(`${what}: ${error.message}`)));
    this.#process.on('close', (code) => {
      const last = this.#errors.trim().split('\n').slice(-3).join('\n');
      this.#end(new Error(`${what}: the process ended (${code})${last && `: ${last}`}`));
    });
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }

  /** Sends a command; resolves to its answer. Rejects where the answer is an error, or the process has ended. */
  async ask<Answer>(...words: readonly (string | number)[]): Promise<Answer> {
    const line = await new Promise<string>((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      this.#waiting.push({ resolve, reject });
      this.#process.stdin.write(`${words.join(' ')}\n`);
    });
    const answer = JSON.parse(line);
    if (typeof answer.error === 'string') throw new Error(`${this.#what}: ${answer.error}`);
    return answer;
  }

  /** Ends the process. */
  close(): void {
    if (this.#ended) return;
    this.#process.stdin.end('quit\n');
    this.#process.kill();
  }
}
