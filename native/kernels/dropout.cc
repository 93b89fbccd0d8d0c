// Inverted dropout (Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014, section 10).
// Applied to dy it is its own backward.
#include "elementwise.h"
#include "uniform.h"

STEEPEST_KERNELS_BEGIN

// x[n] -> y[n] = x / (1 - rate) where u >= rate, else 0; u = number first + i of the stream.
void dropout_forward(const dropout_forward_args& a, Team& team) {
  const dropout_forward_args args = a;
  // u is a whole multiple of 2^-24, so u >= rate asks the same as u >= the next such multiple, which a float holds exactly.
  const float threshold = static_cast<float>(__builtin_ceil(a.rate * 16777216.0) / 16777216.0);
  const float kept = static_cast<float>(1.0 - a.rate);
  team.parallel(a.n, kGrain, [=](int64_t begin, int64_t end, int) {
    UniformWindow window(args.seed, args.stream, args.step);
    for (int64_t from = begin; from < end; from += UniformWindow::kWindow) {
      const int64_t count = least(UniformWindow::kWindow, end - from);
      const float* const u = window.numbers(args.first + from, count);
      const float* const x = args.x + from;
      float* const y = args.y + from;
      for_lanes(0, count, [=](int64_t i, auto at) {
        at.store(y + i, choose(at.load(u + i) >= threshold, at.load(x + i) / kept, vfloat{}));
      });
    }
  });
}

STEEPEST_KERNELS_END
