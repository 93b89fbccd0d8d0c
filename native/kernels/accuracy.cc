// 1 where the first maximum of a row stands at its label, else 0; for k = 1, 1 where (z >= threshold) is the label
// (the decision sgn(w'x) of the lecture notes, 1.1). A row with a NaN, or a label out of range, gives 0.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

namespace {

// Whether z[label] is larger than all before it and no smaller than any behind it. No comparison with a NaN holds.
STEEPEST_INLINE bool first_maximum_at(const float* z, int64_t k, int64_t label) {
  if (label < 0 || label >= k) return false;
  const float largest = z[label];
  bool holds = true;
  for (int64_t j = 0; j < label; ++j) holds &= z[j] < largest;
  for (int64_t j = label; j < k; ++j) holds &= z[j] <= largest;
  return holds;
}

}  // namespace

// z[rows, k], labels[rows] -> correct[rows].
void accuracy_forward(const accuracy_forward_args& a, Team& team) {
  const accuracy_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const float* const z = args.z + row * args.k;
    const int64_t label = args.labels[row];
    const bool correct = args.k == 1 ? (z[0] >= args.threshold && label == 1) || (z[0] < args.threshold && label == 0)
                                     : first_maximum_at(z, args.k, label);
    args.correct[row] = correct ? 1.0f : 0.0f;
  });
}

STEEPEST_KERNELS_END
