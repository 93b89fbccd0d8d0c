// Reads native/kernels/kernels.def, the one list of kernels, and writes what C++ and TypeScript know of it:
// build/generated/kernels.h, build/generated/dispatch.h and lib/backends/kernel-table.ts. Writes a file only when it changes.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const CPP_TYPES = { real: 'float', i32: 'int32_t', u16: 'uint16_t', u8: 'uint8_t' };

/** Parses kernels.def into [{ name, slice, buffers: [{ role, type, name, optional, size }], ints, reals, where, flops }]. */
export function parseKernels(text) {
  const kernels = [];
  let kernel;
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/#.*/, '').trimEnd();
    if (line.trim() === '') continue;
    const fail = (why) => {
      throw new Error(`kernels.def:${index + 1}: ${why}: ${raw.trim()}`);
    };
    if (!line.startsWith(' ')) {
      const [name, flag] = line.split(/\s+/);
      if (flag !== undefined && flag !== 'slice') fail('only "slice" may follow the name');
      kernel = { name, slice: flag === 'slice', buffers: [], ints: [], reals: [], where: undefined, flops: '0' };
      kernels.push(kernel);
      continue;
    }
    if (kernel === undefined) fail('a line before the first kernel');
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === 'ints' || word === 'reals') kernel[word] = rest;
    else if (word === 'flops' || word === 'where') kernel[word] = rest.join(' ');
    else {
      const match = /^(in|out|inout) (real|i32|u16|u8) (\w+)(\??)\[(.+)\]$/.exec(line.trim());
      if (match === null) fail('expected a buffer, ints, reals, where or flops');
      const [, role, type, name, optional, size] = match;
      kernel.buffers.push({ role, type, name, optional: optional === '?', size });
    }
  }
  return kernels;
}

const BANNER = 'Made by tools/generate-kernels.mjs from native/kernels/kernels.def. Do not edit.';

/** The kernels that have a CUDA form: a definition in cuda/. */
function cudaKernels() {
  const folder = join(root, 'cuda');
  const text = readdirSync(folder)
    .filter((file) => file.endsWith('.cu'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  return new Set([...text.matchAll(/^void (\w+)\(const \1_args& a, Stream& stream\)/gm)].map(([, name]) => name));
}

function header(kernels) {
  const structs = kernels.map(({ name, buffers, ints, reals }) => {
    const fields = [
      ...buffers.map((b) => `  ${b.role === 'in' ? 'const ' : ''}${CPP_TYPES[b.type]}* ${b.name};`),
      ...ints.map((i) => `  int64_t ${i};`),
      ...reals.map((r) => `  double ${r};`),
    ];
    return `struct ${name}_args {\n${fields.join('\n')}\n};`;
  });
  const declarations = kernels.map(({ name }) => `void ${name}(const ${name}_args& a, Team& team);`);
  const cuda = kernels.map(({ name }) => `void ${name}(const ${name}_args& a, Stream& stream);`);
  return `// ${BANNER}
#pragma once
#include <cstdint>

namespace steepest {
class Team;
constexpr int kKernelCount = ${kernels.length};

${structs.join('\n\n')}

${['portable', 'avx2', 'avx512'].map((isa) => `namespace ${isa} {\n${declarations.join('\n')}\n}  // namespace ${isa}`).join('\n\n')}

namespace cuda {
class Stream;
${cuda.join('\n')}
}  // namespace cuda
}  // namespace steepest
`;
}

function dispatch(kernels, withCuda) {
  const checks = kernels.map(({ name, buffers, ints, where }) => {
    const texts = [...buffers.map((b) => b.size), where ?? ''];
    const used = ints.filter((i) => texts.some((text) => new RegExp(`\\b${i}\\b`).test(text)));
    const lines = used.map((i) => `  const Size ${i}(ints[${ints.indexOf(i)}]);`);
    const sizes = buffers.map((b, i) => `  need[${i}] = (${b.size.replace(/\b(\d+)\b/g, 'Size($1)')}).value;`);
    if (where !== undefined) sizes.push(`  if (!(${where})) need[0] = -1;`);
    return `static void need_${name}(const int64_t* ints, int64_t* need) {\n  (void)ints;\n${[...lines, ...sizes].join('\n')}\n}`;
  });
  const calls = kernels.map(({ name, buffers, ints, reals }) => {
    const fields = [
      ...buffers.map((b, i) => `static_cast<${b.role === 'in' ? 'const ' : ''}${CPP_TYPES[b.type]}*>(buffers[${i}])`),
      ...ints.map((_, i) => `ints[${i}]`),
      ...reals.map((_, i) => `reals[${i}]`),
    ];
    const padding = ints.includes('padding') ? 'args.padding' : '0';
    const steps = ints.filter((i) => i === 'stride' || i === 'poolStride');
    const cuts = steps.map((i) => `  args.${i} = within(args.${i}, args.h, args.w, ${padding});\n`);
    return `template <class Isa, class Worker> static void call_${name}(void* const* buffers, const int64_t* ints, const double* reals, Worker& worker) {
  (void)buffers; (void)ints; (void)reals;
  ${cuts.length === 0 ? 'const ' : ''}${name}_args args = {${fields.join(', ')}};
${cuts.join('')}  Isa::${name}(args, worker);
}`;
  });
  const isas = ['portable', 'avx2', 'avx512'];
  const wrapper = (isa) =>
    `struct Isa_${isa} {\n${kernels.map(({ name }) => `  static void ${name}(const ${name}_args& a, Team& t) { ${isa}::${name}(a, t); }`).join('\n')}\n};`;
  const wrappers = `${wrapper('portable')}
#if defined(STEEPEST_X86)
${wrapper('avx2')}
${wrapper('avx512')}
#else  // never chosen there (cpu_features.cc)
using Isa_avx2 = Isa_portable;
using Isa_avx512 = Isa_portable;
#endif
#if defined(STEEPEST_CUDA)
struct Isa_cuda {
${kernels
  .filter(({ name }) => withCuda.has(name))
  .map(({ name }) => `  static void ${name}(const ${name}_args& a, cuda::Stream& s) { cuda::${name}(a, s); }`)
  .join('\n')}
};
#define STEEPEST_CUDA_FORM(call) call<Isa_cuda, cuda::Stream>
#else
#define STEEPEST_CUDA_FORM(call) nullptr
#endif`;
  const list = (items) => (items.length === 0 ? '""' : JSON.stringify(items.join(' ')));
  const rows = kernels.map(({ name, slice, buffers, ints, reals }) => {
    const roles = { in: 'Role::kIn', out: 'Role::kOut', inout: 'Role::kInout' };
    const types = { real: 'Type::kReal', i32: 'Type::kI32', u16: 'Type::kU16', u8: 'Type::kU8' };
    const specs = buffers.map((b) => `{"${b.name}", ${roles[b.role]}, ${types[b.type]}, ${b.optional}}`);
    return `  {"${name}", ${slice}, {${specs.join(', ')}}, ${buffers.length}, ${list(ints)}, ${ints.length}, ${list(reals)}, ${reals.length}, need_${name}, {${isas.map((isa) => `call_${name}<Isa_${isa}, Team>`).join(', ')}}, ${withCuda.has(name) ? `STEEPEST_CUDA_FORM(call_${name})` : 'nullptr'}},`;
  });
  return `// ${BANNER}
// Included once, by native/kernel_table.cc, inside namespace steepest.
${checks.join('\n')}

${wrappers}

${calls.join('\n')}

const KernelEntry kKernels[kKernelCount] = {
${rows.join('\n')}
};
`;
}

function typescript(kernels) {
  const entries = kernels.map(({ name, slice, buffers, ints, reals, where, flops }) => {
    const lambda = (expression) => {
      const used = ints.filter((i) => new RegExp(`\\b${i}\\b`).test(expression));
      return `(${used.length === 0 ? '' : `{ ${used.join(', ')} }: Ints`}) => ${expression.replace(/\*/g, ' * ')}`;
    };
    const specs = buffers.map(
      (b) =>
        `{ name: '${b.name}', role: '${b.role}', type: '${b.type}', optional: ${b.optional}, length: ${lambda(b.size)} }`,
    );
    const strings = (items) => `[${items.map((i) => `'${i}'`).join(', ')}]`;
    return `  ${name}: {
    name: '${name}',
    slice: ${slice},
    buffers: [
      ${specs.join(',\n      ')},
    ],
    ints: ${strings(ints)},
    reals: ${strings(reals)},${where === undefined ? '' : `\n    where: { text: '${where}', holds: ${lambda(where)} },`}
    flops: ${lambda(flops)},
  },`;
  });
  return `// ${BANNER}
import { out, paddable, panelled, points, pooled, squares } from '../geometry.js';

// biome-ignore lint/suspicious/noExplicitAny: each kernel destructures its own names
type Ints = any;

export const kernelTable = {
${entries.join('\n')}
} as const;
`;
}

function write(path, content) {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  let old;
  try {
    old = readFileSync(file, 'utf8');
  } catch {}
  if (old !== content) writeFileSync(file, content);
}

export function generateKernels() {
  const kernels = parseKernels(readFileSync(join(root, 'native/kernels/kernels.def'), 'utf8'));
  write('build/generated/kernels.h', header(kernels));
  write('build/generated/dispatch.h', dispatch(kernels, cudaKernels()));
  if (existsSync(join(root, 'lib'))) write('lib/backends/kernel-table.ts', typescript(kernels)); // not in an installed package
}

if (process.argv[1] === fileURLToPath(import.meta.url)) generateKernels();
