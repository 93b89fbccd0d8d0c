// Stochastic pooling (Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks", ICLR 2013,
// equations 4-6; named in the lecture notes, 1.3.6). With a = max(x, 0), training takes place j of a window with probability
// p_j = a_j / sum a; inference takes the mean sum p_j a_j.
#include "uniform.h"
#include "window.h"

STEEPEST_KERNELS_BEGIN

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c]: the first place whose cumulative sum exceeds u * total (where rounding leaves
// none, the last with a > 0), place 0 where the total is not > 0. u = number first + output of the stream. The sums are float32 in
// row-major order, so that every backend chooses the same place.
void stochastic_pool2d_forward(const stochastic_pool2d_forward_args& a, Team& team) {
  const stochastic_pool2d_forward_args args = a;
  const Windows windows(a);
  team.parallel(windows.n * windows.p, row_grain(windows.q * a.c * a.pool), [=](int64_t begin, int64_t end, int) {
    UniformWindow stream(args.seed, args.stream, args.step);
    for (int64_t row = begin; row < end; ++row)
      windows.row(row, [=, &stream](int64_t output, int64_t first, auto at) {
        const float* const x = args.x + first;
        vfloat total{};
        windows.places([&](int32_t, int64_t offset) {
          const vfloat v = at.load(x + offset);
          total += choose(v > 0.0f, v, vfloat{});
        });
        const vfloat threshold = at.load(stream.numbers(args.first + output, at.count)) * total;
        vfloat cumulative{}, chosen = at.load(x);
        vint place_chosen{}, done{};
        windows.places([&](int32_t place, int64_t offset) {
          const vfloat v = at.load(x + offset);
          const vint candidate = (v > 0.0f) & ~done;
          cumulative += choose(v > 0.0f, v, vfloat{});
          chosen = choose(candidate, v, chosen);
          place_chosen = choose(candidate, broadcast(place), place_chosen);
          done |= cumulative > threshold;
        });
        at.store(args.y + output, chosen);
        at.store(args.argmax + output, place_chosen);
      }, args.x);
  });
}

// x[n, h, w, c] -> y[n, p, q, c] = sum a^2 / sum a, and 0 where the sum is 0.
void stochastic_pool2d_expected(const stochastic_pool2d_expected_args& a, Team& team) {
  const Windows windows(a);
  const float* const x = a.x;
  float* const y = a.y;
  windows.forward(team, x, [=](int64_t output, int64_t first, auto at) {
    vfloat sum{}, squares{};
    windows.places([&](int32_t, int64_t offset) {
      const vfloat v = relu(at.load(x + first + offset));
      sum += v;
      squares = fma(v, v, squares);
    });
    at.store(y + output, choose(sum == 0.0f, vfloat{}, squares / sum));
  });
}

STEEPEST_KERNELS_END
