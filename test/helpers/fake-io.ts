/** Commands run inside the test, on streams that it can read in place of the process's. */
import type { Io } from '../../lib/cli/io.js';
import { runCommandLine } from '../../lib/cli/program.js';

export class FakeIo implements Io {
  stdout = '';
  stderr = '';
  /** What onInterrupt was given: call it to play a SIGINT. */
  interrupt: (() => void) | undefined;

  constructor(readonly terminal = false) {}

  out(text: string): void {
    this.stdout += text;
  }
  err(text: string): void {
    this.stderr += text;
  }
  onInterrupt(stop: () => void): () => void {
    this.interrupt = stop;
    return () => {
      this.interrupt = undefined;
    };
  }
  /** Standard output as JSON, line by line; throws where a line is anything else. */
  get lines(): Record<string, unknown>[] {
    return this.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }
}

/** Runs a command; gives its exit code and the streams. */
export async function runCommand(args: readonly string[], io = new FakeIo()): Promise<{ code: number; io: FakeIo }> {
  return { code: await runCommandLine(args, io), io };
}
