/** The command line: commands, and what becomes of their errors. Exit codes: 0 done, 1 a run failed, 2 wrong usage, 130 interrupted. */
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../version.js';
import { FAILED, type Io, OK, processIo, USAGE, UsageError } from './io.js';

/** Each command is loaded when it is asked for: all of them together take longer than some need to run. */
const commands = {
  train: async () => (await import('./train.js')).trainCommand,
  export: async () => (await import('./convert.js')).exportCommand,
  convert: async () => (await import('./convert.js')).convertCommand,
  data: async () => (await import('./data.js')).dataCommand,
  evaluate: async () => (await import('./evaluate.js')).evaluateCommand,
  predict: async () => (await import('./predict.js')).predictCommand,
  linear: async () => (await import('./linear.js')).linearCommand,
  bench: async () => (await import('./bench.js')).benchCommand,
  report: async () => (await import('./report.js')).reportCommand,
  doctor: async () => (await import('./doctor.js')).doctorCommand,
  build: async () => (await import('./build.js')).buildCommand,
};

/** The command that the arguments begin with, or all of them, for help. */
function loadCommands([first]: readonly string[]) {
  const named = Object.entries(commands).filter(([name]) => name === first);
  return Promise.all((named.length > 0 ? named : Object.entries(commands)).map(([, load]) => load()));
}

/** Runs the arguments that follow the program's name; resolves to the exit code, and never rejects. */
export async function runCommandLine(args: readonly string[], io: Io = processIo): Promise<number> {
  let code = OK;
  const finish = (value: number) => {
    code = value;
  };
  const program = new Command('steepest')
    .description('trains neural networks from Node, fast')
    .version(packageVersion())
    .showHelpAfterError('(add --help for what there is)');
  for (const command of await loadCommands(args)) program.addCommand(command(io, finish));
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text) });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    return errorCode(error, io);
  }
}

/** Says what went wrong, in one line unless DEBUG is set. */
function errorCode(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE;
  if (error instanceof UsageError) {
    io.err(`error: ${error.message}\n`);
    return USAGE;
  }
  const { code, message, stack } = (error instanceof Error ? error : new Error(String(error))) as NodeJS.ErrnoException;
  const text = message.replace(/\s*\n\s*/g, ' ');
  io.err(`error: ${code === undefined || text.startsWith(code) ? '' : `${code}: `}${text}\n`);
  if (process.env.DEBUG) io.err(`${stack}\n`);
  return FAILED;
}
