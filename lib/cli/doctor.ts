import { Command } from 'commander';
import type { Io } from './io.js';
export const doctorCommand = (_io: Io, _finish: (code: number) => void) => new Command('doctor');
