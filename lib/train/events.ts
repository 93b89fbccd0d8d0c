/** What a run tells programs, one JSON object each: `steepest train --json` and `jsonlLog` print these. Numbers that JSON does not know become null. */
import type { Model } from './model.js';
import type { EpochRecord, History } from './records.js';

export function startEvent({ device, parameterCount }: Model) {
  return { event: 'start', device: device.name, parameters: parameterCount };
}

export function epochEvent(record: EpochRecord) {
  return { event: 'epoch', ...figuresOf(record) };
}

/** `reason`: where neither stop() nor the last epoch ended the run. */
export function doneEvent({ epochs, stopped, reason }: History) {
  const last = epochs.at(-1);
  const other = reason !== 'epochs' && reason !== 'stopped';
  return { event: 'done', ...(last && figuresOf(last)), ...(other && { reason }), ...(stopped && { stopped }) };
}

function figuresOf(record: EpochRecord) {
  const { epoch, trainLoss, trainAccuracy, testLoss, testAccuracy, learningRate, seconds, imagesPerSecond } = record;
  return { epoch, trainLoss, trainAccuracy, testLoss, testAccuracy, learningRate, seconds, imagesPerSecond };
}
