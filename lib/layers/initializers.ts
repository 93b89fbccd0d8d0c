/**
 * The values parameters start from. He: variance 2 / fanIn (He et al. 2015, equation 10), for relu; Glorot: variance
 * 2 / (fanIn + fanOut) (Glorot and Bengio 2010, equations 12 and 16), for sigmoid, tanh and linear layers. Value i of a parameter
 * depends on seed, stream and i alone (Philox, random.ts), so a model's start is the same on every machine.
 */
import { checkNumber, checkOneOf, checkOptions, show, wrongType } from '../errors.js';
import { fillUniform, uniform } from '../random.js';

export interface Fans {
  /** Inputs that one output value sums over. */
  readonly fanIn: number;
  /** Outputs that one input value reaches. */
  readonly fanOut: number;
}

export interface Initializer {
  readonly name: InitializerName;
  /** `constant` only. */
  readonly value?: number;
  /** Writes the starting values of one parameter; each parameter of a model has a stream of its own. */
  fill(target: Float32Array | Float64Array, fans: Fans, seed: number, stream: number): void;
}

/** Normal with mean 0 and deviation sqrt(2 / fanIn). Keras cuts its normal off at two deviations; PyTorch's layers start otherwise. */
export const heNormal: Initializer = {
  name: 'heNormal',
  fill: (target, { fanIn }, seed, stream) => fillNormal(target, Math.sqrt(2 / fanIn), seed, stream),
};

/** Uniform on +-sqrt(6 / fanIn): the same variance as heNormal. */
export const heUniform: Initializer = {
  name: 'heUniform',
  fill: (target, { fanIn }, seed, stream) => fillSymmetric(target, Math.sqrt(6 / fanIn), seed, stream),
};

/** Normal with mean 0 and deviation sqrt(2 / (fanIn + fanOut)). */
export const glorotNormal: Initializer = {
  name: 'glorotNormal',
  fill: (target, { fanIn, fanOut }, seed, stream) => fillNormal(target, Math.sqrt(2 / (fanIn + fanOut)), seed, stream),
};

/** Uniform on +-sqrt(6 / (fanIn + fanOut)): the same variance as glorotNormal. */
export const glorotUniform: Initializer = {
  name: 'glorotUniform',
  fill: (target, { fanIn, fanOut }, seed, stream) =>
    fillSymmetric(target, Math.sqrt(6 / (fanIn + fanOut)), seed, stream),
};

/** All 0. */
export const zeros: Initializer = {
  name: 'zeros',
  fill: (target) => {
    target.fill(0);
  },
};

/** All `value`, a finite number. */
export function constant(value: number): Initializer {
  checkNumber('constant', 'value', value, { openMin: true, openMax: true });
  return {
    name: 'constant',
    value,
    fill: (target) => {
      target.fill(value);
    },
  };
}

/** Normal numbers by pairs (Box and Muller 1958) from the stream's uniform ones, two for two: an odd last takes one more. */
function fillNormal(target: Float32Array | Float64Array, deviation: number, seed: number, stream: number): void {
  fillUniform(target, seed, stream, 0);
  const n = target.length;
  for (let i = 0; i < n; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - target[i]!)); // 1 - u lies in (0, 1]
    const angle = 2 * Math.PI * (i + 1 < n ? target[i + 1]! : uniform(seed, stream, 0, i + 1));
    target[i] = radius * Math.cos(angle);
    if (i + 1 < n) target[i + 1] = radius * Math.sin(angle);
  }
}

/** Uniform on [-limit, limit). */
function fillSymmetric(target: Float32Array | Float64Array, limit: number, seed: number, stream: number): void {
  fillUniform(target, seed, stream, 0);
  for (let i = 0; i < target.length; i++) target[i] = limit * (2 * target[i]! - 1);
}

export type InitializerName = 'heNormal' | 'heUniform' | 'glorotNormal' | 'glorotUniform' | 'zeros' | 'constant';
const named: readonly Initializer[] = [heNormal, heUniform, glorotNormal, glorotUniform, zeros];
const names: readonly InitializerName[] = [...named.map((i) => i.name), 'constant'];

/** An initialiser as JSON: its name, or `{ name: 'constant', value }`. */
export type InitializerConfig =
  | Exclude<InitializerName, 'constant'>
  | { readonly name: InitializerName; readonly value?: number };

/** How an option gives an initialiser. */
export type InitializerOption = Initializer | InitializerConfig;

/** The JSON form of an initialiser: what `initializerFrom` reads. */
export function initializerConfig(initializer: Initializer): InitializerConfig {
  const { name, value } = initializer;
  return name === 'constant' ? { name, value: value! } : name;
}

/** The initialiser that an option names; `where` and `option` are for the message. */
export function initializerFrom(where: string, option: string, value: InitializerOption): Initializer {
  if (typeof value === 'object' && value !== null) {
    checkOptions(`${where}: ${option}`, value, ['name', 'value', 'fill']);
    const name = checkOneOf(where, option, value.name, names);
    return name === 'constant' ? constant(value.value as number) : byName(name);
  }
  if (typeof value !== 'string') throw wrongType(where, option, 'an initialiser or its name', value);
  if ((value as string) === 'constant')
    throw new TypeError(`${where}: ${option} ${show(value)} needs its value: { name: 'constant', value: 0.1 }`);
  return byName(checkOneOf(where, option, value, names));
}

function byName(name: InitializerName): Initializer {
  return named.find((i) => i.name === name)!;
}
