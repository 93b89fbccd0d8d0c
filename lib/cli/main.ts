#!/usr/bin/env node
/** `npx steepest`: see program.ts. */
import { runCommandLine } from './program.js';

// A reader that closes the pipe early (`| head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

void runCommandLine(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
