/**
 * What `device: 'cuda'` is in a test file that imports this one first: a GPU where there is one, else the shim that runs CUDA kernels on the
 * host (cuda/shim), where it is built. REQUIRE_CUDA=1: a test run without a GPU fails.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Binding } from '../../lib/binding.js';

const release = (name: string) => join(__dirname, '..', '..', 'build', 'Release', name);
const load = (path: string): Binding | undefined =>
  existsSync(path) ? (createRequire(__filename)(path) as Binding) : undefined;

const addon = load(release('steepest.node'));
/** The addon, where it finds a GPU. */
export const gpu = addon !== undefined && addon.cuda().devices.length > 0 ? addon : undefined;
if (gpu === undefined && process.env.REQUIRE_CUDA === '1')
  throw new Error(`REQUIRE_CUDA=1, but there is no GPU: ${addon?.cuda().reason ?? 'the addon is not built'}`);

/** The addon's twin: node tools/build.mjs --shim. STEEPEST_SHIM is the path of another; with 0 it is left out: on a machine lent for its GPU. */
const twin = process.env.STEEPEST_SHIM ?? release('steepest-shim.node');
export const shim = twin === '0' ? undefined : load(twin);

/** What runs plans, and its name. */
export const cudaName = gpu !== undefined ? 'gpu' : 'shim';
/** Why there is nothing to run on, or undefined. */
export const noCuda = gpu === undefined && shim === undefined;
if (gpu === undefined && shim !== undefined) process.env.STEEPEST_BINDING = twin;
