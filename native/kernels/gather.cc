// Reading a batch out of a data set: row i of y is row indices[i] of the source; NaN (a label: -1) where there is no such row.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// source[sourceRows, k], indices[rows] -> y[rows, k].
void gather_rows(const gather_rows_args& a, Team& team) {
  const gather_rows_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t k = args.k, from = args.indices[row];
    float* const y = args.y + row * k;
    if (from < 0 || from >= args.sourceRows) return fill(y, k, kNan);
    __builtin_memcpy(y, args.source + from * k, static_cast<size_t>(k) * sizeof(float));
  });
}

// The same from bytes: y = source * factor + shift.
void gather_bytes(const gather_bytes_args& a, Team& team) {
  const gather_bytes_args args = a;
  const vfloat factor = broadcast(static_cast<float>(a.factor)), shift = broadcast(static_cast<float>(a.shift));
  for_rows(team, a.rows, a.k, [=](int64_t row) {
    const int64_t k = args.k, from = args.indices[row];
    float* const y = args.y + row * k;
    if (from < 0 || from >= args.sourceRows) return fill(y, k, kNan);
    const uint8_t* const bytes = args.source + from * k;
    for_lanes(0, k, [=](int64_t j, auto at) {
      at.store(y + j, fma(__builtin_convertvector(at.load(bytes + j), vfloat), factor, shift));
    });
  });
}

// source[sourceRows], indices[rows] -> y[rows].
void gather_labels(const gather_labels_args& a, Team& team) {
  const gather_labels_args args = a;
  for_rows(team, a.rows, 1, [args](int64_t row) {
    const int64_t from = args.indices[row];
    args.y[row] = from < 0 || from >= args.sourceRows ? -1 : args.source[from];
  });
}

STEEPEST_KERNELS_END
