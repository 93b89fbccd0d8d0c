/** A model for people: its layers, their output shapes and parameters, as a table. */
import { elements } from '../graph/tensor.js';
import type { Network } from './network.js';

const number = new Intl.NumberFormat('en-US');

/** One line a layer (with those it reads, unless it is the one before it alone), then the number of parameters and the device. */
export function summary(network: Network): string {
  const rows = network.built.map(({ label, outputShape, parameters, inputs }, i) => {
    const sources = inputs.map((at) => network.built[at]?.label ?? 'input').join(', ');
    const shapes = [
      ...(inputs.length === 1 && inputs[0] === i - 1 ? [] : [`of ${sources}`]),
      ...parameters.map((p) => `${p.name} [${p.shape.join(', ')}]`),
    ].join(', ');
    const count = parameters.reduce((sum, p) => sum + (p.trainable === false ? 0 : elements(p.shape).fixed), 0);
    return [label, `[${outputShape.join(', ')}]`, number.format(count), shapes];
  });
  const table = [
    ['layer', 'output', 'parameters', ''],
    ['input', `[${network.inputShape.join(', ')}]`, '', ''],
    ...rows,
  ];
  const widths = [0, 1, 2].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map(([label, shape, count, shapes]) =>
    [label!.padEnd(widths[0]!), shape!.padEnd(widths[1]!), count!.padStart(widths[2]!), shapes].join('  ').trimEnd(),
  );
  const rule = '-'.repeat(Math.max(...lines.map((line) => line.length)));
  return [
    network.name,
    ...lines.slice(0, 1),
    rule,
    ...lines.slice(1),
    rule,
    `${number.format(network.parameterCount)} parameters, ${network.backend.precision}, on ${network.backend.description}`,
  ].join('\n');
}
