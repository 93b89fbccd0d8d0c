/** `steepest evaluate`: the loss and accuracy of a saved model on test images, and where it goes wrong. */

import { Command } from 'commander';
import { countOf } from '../numbers.js';
import type { Evaluation } from '../train/evaluate.js';
import { INTERRUPTED, type Io, jsonLine, OK } from './io.js';
import { addModelFileOptions, type ModelFileArguments, openModel } from './model-file.js';
import { addDataOptions, type DataArguments, loadData } from './train/data.js';
import { checkFit } from './train/model.js';
import { reportFor } from './train/report.js';
import { examples } from './values.js';

interface EvaluateArguments extends ModelFileArguments, DataArguments {
  readonly byClass?: boolean;
}

export function evaluateCommand(io: Io, finish: (code: number) => void): Command {
  return addModelFileOptions(addDataOptions(new Command('evaluate')))
    .description('tell the loss and accuracy of a saved model on the test images of a data set')
    .option('--by-class', 'also precision, recall and F1 of each class')
    .addHelpText(
      'after',
      examples(
        'evaluate --model digits.safetensors',
        'evaluate --model pets.safetensors --data folder --data-dir pets',
        'evaluate --model lenet.onnx --data mnist --data-dir mnist --by-class --json',
      ),
    )
    .action(async (options: EvaluateArguments) => finish(await evaluate(options, io)));
}

async function evaluate(options: EvaluateArguments, io: Io): Promise<number> {
  const { model: file, data, byClass, json } = options;
  const model = await openModel(options);
  try {
    const classes = countOf(model.outputShape);
    const { inputShape } = model;
    const images = await loadData(options, { inputShape, classes }, io, reportFor(io, json === true));
    if (images === undefined) return INTERRUPTED;
    checkFit(file, { inputShape, classes }, data, images.test);
    const start = performance.now();
    const found = await model.evaluate(images.test, {
      metrics: ['loss', 'accuracy', ...(byClass ? (['classificationReport', 'confusionMatrix'] as const) : [])],
    });
    const seconds = (performance.now() - start) / 1000;
    if (json) jsonLine(io, { event: 'evaluation', images: found.rows, ...fields(found), seconds });
    else io.out(`${describe(found, seconds)}\n`);
    return OK;
  } finally {
    model.dispose();
  }
}

/** What was found, as a report of training has it. */
function fields({ loss, accuracy, confusionMatrix, classificationReport }: Evaluation) {
  return {
    loss,
    accuracy,
    ...(confusionMatrix && { confusionMatrix }),
    ...(classificationReport && { classes: classificationReport.classes }),
  };
}

function describe({ rows, loss, accuracy, classificationReport }: Evaluation, seconds: number): string {
  const first = `${rows} images in ${seconds.toFixed(2)} s: loss ${loss.toFixed(4)}, accuracy ${accuracy!.toFixed(4)}`;
  return classificationReport === undefined ? first : `${first}\n${classificationReport}`;
}
