// Labels as rows: `on` at the label, `off` elsewhere (lecture notes 1.2). A label outside 0 .. k-1 gives a row of NaN.
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// labels[rows] -> y[rows, k].
void one_hot_forward(const one_hot_forward_args& a, Team& team) {
  const one_hot_forward_args args = a;
  for_rows(team, a.rows, a.k, [args](int64_t row) {
    const int64_t label = args.labels[row];
    const bool known = label >= 0 && label < args.k;
    float* const y = args.y + row * args.k;
    fill(y, args.k, known ? static_cast<float>(args.off) : kNan);
    if (known) y[label] = static_cast<float>(args.on);
  });
}

STEEPEST_KERNELS_END
