/**
 * The ten digits as strokes, each in a few ways that people write them. Coordinates: x to the right, y down, the digit in the
 * square [0, 1] x [0, 1]. Curves are cut into short lines, so a glyph is a list of polylines.
 */

/** x0, y0, x1, y1, ...: points of one stroke. */
export type Stroke = readonly number[];
export type Glyph = readonly Stroke[];

/** Points of an ellipse round (cx, cy) from one angle to another in degrees: 0 is right, 90 is down (y runs down). */
function arc(cx: number, cy: number, rx: number, ry: number, from: number, to: number): number[] {
  const steps = Math.max(2, Math.ceil(Math.abs(to - from) / 30));
  return Array.from({ length: steps + 1 }, (_, i) => {
    const angle = ((from + ((to - from) * i) / steps) * Math.PI) / 180;
    return [cx + rx * Math.cos(angle), cy + ry * Math.sin(angle)];
  }).flat();
}

/** A smooth line through the given points: Catmull-Rom, three lines a piece. */
function curve(...points: number[]): number[] {
  const count = points.length / 2;
  const at = (i: number, axis: number) => points[2 * Math.min(Math.max(i, 0), count - 1) + axis]!;
  const smooth: number[] = [];
  for (let i = 0; i + 1 < count; i++)
    for (let step = 0; step < 3; step++) {
      const t = step / 3;
      for (const axis of [0, 1]) {
        const [a, b, c, d] = [at(i - 1, axis), at(i, axis), at(i + 1, axis), at(i + 2, axis)];
        smooth.push(
          0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t * t + (3 * b - a - 3 * c + d) * t ** 3),
        );
      }
    }
  return [...smooth, at(count - 1, 0), at(count - 1, 1)];
}

/** glyphs[d]: the ways to write digit d. */
export const glyphs: readonly (readonly Glyph[])[] = [
  [
    [arc(0.5, 0.5, 0.34, 0.48, -90, 270)],
    [arc(0.5, 0.5, 0.24, 0.48, -110, 250)],
    [curve(0.6, 0.04, 0.3, 0.1, 0.16, 0.5, 0.32, 0.92, 0.62, 0.94, 0.82, 0.55, 0.7, 0.14, 0.48, 0.06)],
  ],
  [
    [[0.5, 0.02, 0.5, 0.98]],
    [[0.3, 0.22, 0.54, 0.02, 0.54, 0.98]],
    [
      [0.3, 0.2, 0.52, 0.02, 0.52, 0.98],
      [0.28, 0.98, 0.76, 0.98],
    ],
  ],
  [
    [[...arc(0.5, 0.28, 0.32, 0.26, -170, 20), 0.2, 0.97, 0.84, 0.97]],
    [curve(0.18, 0.25, 0.36, 0.05, 0.68, 0.08, 0.76, 0.34, 0.5, 0.68, 0.2, 0.94, 0.26, 0.8, 0.5, 0.88, 0.86, 0.95)],
    [[0.2, 0.12, ...arc(0.48, 0.28, 0.3, 0.24, -80, 40), 0.16, 0.96, 0.8, 0.92]],
  ],
  [
    [[...arc(0.46, 0.26, 0.3, 0.24, -150, 90), ...arc(0.46, 0.74, 0.34, 0.24, -90, 150)]],
    [[0.2, 0.04, 0.76, 0.04, 0.44, 0.4, ...arc(0.44, 0.69, 0.34, 0.28, -90, 150)]],
    [curve(0.2, 0.14, 0.5, 0.02, 0.72, 0.2, 0.6, 0.42, 0.36, 0.48, 0.66, 0.54, 0.8, 0.76, 0.54, 0.98, 0.16, 0.88)],
  ],
  [
    [
      [0.6, 0.02, 0.14, 0.66, 0.86, 0.66],
      [0.64, 0.3, 0.64, 0.98],
    ],
    [
      [0.2, 0.04, 0.2, 0.52, 0.8, 0.52],
      [0.74, 0.04, 0.74, 0.98],
    ],
    [curve(0.26, 0.04, 0.18, 0.4, 0.3, 0.56, 0.6, 0.54, 0.78, 0.46), [0.8, 0.08, 0.66, 0.98]],
    [[0.66, 0.98, 0.66, 0.02, 0.16, 0.64, 0.88, 0.64]],
  ],
  [
    [[0.78, 0.04, 0.28, 0.04, 0.24, 0.46, ...arc(0.46, 0.69, 0.34, 0.28, -110, 140)]],
    [curve(0.78, 0.06, 0.36, 0.08, 0.28, 0.42, 0.6, 0.42, 0.78, 0.66, 0.6, 0.92, 0.2, 0.94)],
    [
      [0.3, 0.06, 0.26, 0.44, ...arc(0.44, 0.7, 0.34, 0.27, -100, 150)],
      [0.3, 0.06, 0.8, 0.08],
    ],
  ],
  [
    [curve(0.7, 0.04, 0.4, 0.22, 0.22, 0.6, 0.34, 0.92, 0.62, 0.94, 0.76, 0.72, 0.58, 0.52, 0.32, 0.6, 0.24, 0.72)],
    [[0.5, 0.02, 0.26, 0.5, ...arc(0.48, 0.72, 0.28, 0.24, 180, 540)]],
    [curve(0.78, 0.14, 0.56, 0.02, 0.3, 0.2, 0.2, 0.6, 0.34, 0.94, 0.66, 0.92, 0.74, 0.66, 0.52, 0.5, 0.24, 0.68)],
  ],
  [
    [[0.16, 0.05, 0.84, 0.05, 0.42, 0.98]],
    [
      [0.16, 0.05, 0.82, 0.05, 0.42, 0.98],
      [0.36, 0.5, 0.8, 0.5],
    ],
    [curve(0.16, 0.16, 0.2, 0.06, 0.5, 0.08, 0.84, 0.04, 0.62, 0.4, 0.5, 0.7, 0.46, 0.98)],
  ],
  [
    [arc(0.5, 0.26, 0.26, 0.22, 90, 450), arc(0.5, 0.73, 0.32, 0.25, -90, 270)],
    [
      curve(
        0.74,
        0.12,
        0.46,
        0.02,
        0.28,
        0.2,
        0.5,
        0.46,
        0.76,
        0.72,
        0.52,
        0.97,
        0.24,
        0.76,
        0.48,
        0.48,
        0.76,
        0.24,
        0.7,
        0.08,
      ),
    ],
    [arc(0.5, 0.25, 0.22, 0.23, 90, 450), arc(0.5, 0.73, 0.24, 0.25, -90, 270)],
  ],
  [
    [[...arc(0.48, 0.28, 0.28, 0.25, 0, -360), 0.76, 0.28, 0.7, 0.98]],
    [[...arc(0.48, 0.28, 0.28, 0.25, 0, -360), ...curve(0.76, 0.28, 0.78, 0.6, 0.62, 0.92, 0.28, 0.94)]],
    [curve(0.74, 0.2, 0.5, 0.03, 0.24, 0.18, 0.3, 0.46, 0.58, 0.48, 0.76, 0.24, 0.72, 0.6, 0.66, 0.98)],
  ],
];
