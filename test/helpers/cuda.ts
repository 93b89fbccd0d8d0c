/**
 * What `device: 'cuda'` is in a test file that imports this one first: a GPU where there is one, else the shim that runs CUDA kernels on the
 * host (cuda/shim), where it is built. REQUIRE_CUDA=1: a test run without a GPU fails.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Binding } from '../../lib/binding.js';

const built = (name: string): Binding | undefined => {
  const path = join(__dirname, '..', '..', 'build', 'Release', `${name}.node`);
  return existsSync(path) ? (createRequire(__filename)(path) as Binding) : undefined;
};

const addon = built('steepest');
/** The addon, where it finds a GPU. */
export const gpu = addon !== undefined && addon.cuda().devices.length > 0 ? addon : undefined;
if (gpu === undefined && process.env.REQUIRE_CUDA === '1')
  throw new Error(`REQUIRE_CUDA=1, but there is no GPU: ${addon?.cuda().reason ?? 'the addon is not built'}`);

/** The addon's twin: node tools/build.mjs --shim. STEEPEST_SHIM=0 leaves it out: on a machine lent for its GPU. */
export const shim = process.env.STEEPEST_SHIM === '0' ? undefined : built('steepest-shim');

/** What runs plans, and its name. */
export const cudaName = gpu !== undefined ? 'gpu' : 'shim';
/** Why there is nothing to run on, or undefined. */
export const noCuda = gpu === undefined && shim === undefined;
if (gpu === undefined && shim !== undefined)
  process.env.STEEPEST_BINDING = join(__dirname, '..', '..', 'build', 'Release', 'steepest-shim.node');
