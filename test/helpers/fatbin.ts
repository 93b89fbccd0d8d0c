/**
 * Reads what nvcc left in an object file: a list of device codes, each for one architecture, either PTX or an ELF file of its own, whose section
 * .nv.info holds words about each kernel, and whose sections .text.<kernel> hold instructions of 16 bytes. NVIDIA does not describe these
 * (cuobjdump reads them); test/cuda/compile.slow.test.ts holds the reader against a kernel whose stack is known.
 */
export interface DeviceCode {
  readonly kind: 'ptx' | 'elf';
  /** 80 for sm_80. */
  readonly architecture: number;
  /** Of an ELF file, by the mangled names. */
  readonly kernels: readonly Kernel[];
}

export interface Kernel {
  readonly name: string;
  readonly registers: number;
  /** Bytes of memory a thread, of spilled registers and of arrays that have no register. */
  readonly stack: number;
  /** How often each instruction is in it, by the low 12 bits of its code. */
  readonly instructions: ReadonlyMap<number, number>;
}

const MAGIC = Buffer.from([0x50, 0xed, 0x55, 0xba]);
const KINDS: Record<number, DeviceCode['kind']> = { 1: 'ptx', 2: 'elf' };

/** All device codes of an object file. */
export function deviceCodes(object: Buffer): DeviceCode[] {
  const codes: DeviceCode[] = [];
  for (let at = object.indexOf(MAGIC); at >= 0; at = object.indexOf(MAGIC, at + 1)) {
    const end = at + object.readUInt16LE(at + 6) + Number(object.readBigUInt64LE(at + 8));
    for (let entry = at + object.readUInt16LE(at + 6); entry < end; ) {
      const payload = entry + object.readUInt32LE(entry + 4);
      const next = payload + Number(object.readBigUInt64LE(entry + 8));
      const kind = KINDS[object.readUInt16LE(entry)];
      if (kind !== undefined) {
        const kernels = kind === 'elf' ? kernelsOf(object.subarray(payload, next)) : [];
        codes.push({ kind, architecture: object.readUInt32LE(entry + 28), kernels });
      }
      entry = next;
    }
    at = end - 1;
  }
  return codes;
}

interface Section {
  name: number;
  type: number;
  data: Buffer;
  link: number;
}

function kernelsOf(elf: Buffer): Kernel[] {
  if (elf.readUInt32BE(0) !== 0x7f454c46) throw new Error('the device code is not an ELF file (is it compressed?)');
  const [start, size, count] = [Number(elf.readBigUInt64LE(0x28)), elf.readUInt16LE(0x3a), elf.readUInt16LE(0x3c)];
  const sections = Array.from({ length: count }, (_, i): Section => {
    const header = elf.subarray(start + i * size, start + (i + 1) * size);
    const offset = Number(header.readBigUInt64LE(24));
    const data = elf.subarray(offset, offset + Number(header.readBigUInt64LE(32)));
    return { name: header.readUInt32LE(0), type: header.readUInt32LE(4), data, link: header.readUInt32LE(40) };
  });
  const text = (table: Section, at: number) => table.data.toString('latin1', at, table.data.indexOf(0, at));
  const names = sections[elf.readUInt16LE(0x3e)]!;
  const symbols = sections.find(({ type }) => type === 2)!;
  const info = sections.find(({ name }) => text(names, name) === '.nv.info')!.data;
  const kernels = new Map<string, { registers?: number; stack?: number }>();
  for (let at = 0; at < info.length; ) {
    // A format, an attribute, and by the format 4 the length of words that follow: a symbol and its value.
    const [format, attribute, length] = [info[at]!, info[at + 1]!, info.readUInt16LE(at + 2)];
    const field = attribute === 0x2f ? 'registers' : attribute === 0x12 ? 'stack' : undefined;
    if (format === 4 && field !== undefined) {
      const name = text(sections[symbols.link]!, symbols.data.readUInt32LE(24 * info.readUInt32LE(at + 4)));
      kernels.set(name, { ...kernels.get(name), [field]: info.readUInt32LE(at + 8) });
    }
    at += 4 + (format === 4 ? length : 0);
  }
  return [...kernels].map(([name, { registers, stack }]) => {
    if (registers === undefined || stack === undefined) throw new Error(`no registers or stack of ${name}`);
    const code = sections.find((section) => text(names, section.name) === `.text.${name}`)!.data;
    return { name, registers, stack, instructions: countInstructions(code) };
  });
}

function countInstructions(code: Buffer): Map<number, number> {
  const counts = new Map<number, number>();
  for (let at = 0; at < code.length; at += 16) {
    const instruction = code.readUInt16LE(at) & 0xfff;
    counts.set(instruction, (counts.get(instruction) ?? 0) + 1);
  }
  return counts;
}
