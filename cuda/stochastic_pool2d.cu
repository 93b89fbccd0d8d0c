// Stochastic pooling (Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks", ICLR 2013,
// equations 4-6; named in the lecture notes, 1.3.6). With a = max(x, 0), training takes place j of a window with probability
// p_j = a_j / sum a; inference takes the mean sum p_j a_j.
#include "kernels/philox.h"
#include "pooling.cuh"

STEEPEST_KERNELS_BEGIN

// Numbers index .. index + W - 1 of a stream. Words are moved to constant places: an array with others would live in memory.
template <int W>
__device__ Channels<W> stochastic_numbers(int64_t seed, int64_t stream, int64_t step, int64_t index) {
  const int place = static_cast<int>(index % 4);
  const PhiloxWords low = philox_block(seed, stream, step, index / 4);
  PhiloxWords high = {};
  if (W > 1 && place > 0) high = philox_block(seed, stream, step, index / 4 + 1);
  uint32_t words[8];
  STEEPEST_UNROLL
  for (int i = 0; i < 4; ++i) words[i] = low.word[i], words[4 + i] = high.word[i];
  STEEPEST_UNROLL
  for (int i = 0; i < 7; ++i)
    if (place & 1) words[i] = words[i + 1];
  STEEPEST_UNROLL
  for (int i = 0; i < 6; ++i)
    if (place & 2) words[i] = words[i + 2];
  Channels<W> numbers;
  STEEPEST_UNROLL
  for (int v = 0; v < W; ++v) numbers.at[v] = uniform_of_word(words[v]);
  return numbers;
}

template <int W, int kPool>
struct StochasticPool {
  const float* x;
  float* y;
  uint16_t* argmax;
  Pooling pooling;
  int64_t seed, stream, step, first;

  __device__ void operator()(int64_t i) const {
    const float* const corner = x + pooling.corner<W>(i);
    Channels<W> total{}, sum{}, chosen = channels_at<W>(corner);
    pooling.places<W, kPool>(corner, [&](int, const Channels<W>& values) {
      for (int v = 0; v < W; ++v) total.at[v] += values.at[v] > 0 ? values.at[v] : 0.0f;
    });
    const Channels<W> numbers = stochastic_numbers<W>(seed, stream, step, first + i * W);
    int places[W] = {};
    bool done[W] = {};
    pooling.places<W, kPool>(corner, [&](int place, const Channels<W>& values) {
      for (int v = 0; v < W; ++v) {
        if (done[v] || !(values.at[v] > 0)) continue;
        chosen.at[v] = values.at[v];
        places[v] = place;
        sum.at[v] += values.at[v];
        done[v] = sum.at[v] > numbers.at[v] * total.at[v];
      }
    });
    put(y + i * W, chosen);
    Pack<uint16_t, W> result;
    for (int v = 0; v < W; ++v) result.at[v] = static_cast<uint16_t>(places[v]);
    *reinterpret_cast<Pack<uint16_t, W>*>(argmax + i * W) = result;
  }
};

template <int W, int kPool>
struct StochasticExpected {
  const float* x;
  float* y;
  Pooling pooling;

  __device__ void operator()(int64_t i) const {
    Channels<W> sum{}, squares{};
    pooling.places<W, kPool>(x + pooling.corner<W>(i), [&](int, const Channels<W>& values) {
      for (int v = 0; v < W; ++v) {
        const float positive = values.at[v] <= 0 ? 0.0f : values.at[v];  // NaN stays
        sum.at[v] += positive;
        squares.at[v] = fmaf(positive, positive, squares.at[v]);
      }
    });
    for (int v = 0; v < W; ++v) sum.at[v] = sum.at[v] == 0 ? 0.0f : squares.at[v] / sum.at[v];
    put(y + i * W, sum);
  }
};

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c]: the first place whose cumulative sum exceeds u * total (where rounding leaves
// none, the last with a > 0), place 0 where the total is not > 0. u = number first + output of the stream. The sums are float32 in
// row-major order, so that every backend chooses the same place.
void stochastic_pool2d_forward(const stochastic_pool2d_forward_args& a, Stream& stream) {
  const bool four = a.c % 4 == 0 && aligned(16, a.x, a.y) && aligned(8, a.argmax);
  over_pools("stochastic_pool2d_forward", stream, four, a.n, a.h, a.w, a.c, a.pool, a.stride, [&](auto width, auto size, const Pooling& pooling) {
    return StochasticPool<width(), size()>{a.x, a.y, a.argmax, pooling, a.seed, a.stream, a.step, a.first};
  });
}

// x[n, h, w, c] -> y[n, p, q, c] = sum a^2 / sum a, and 0 where the sum is 0.
void stochastic_pool2d_expected(const stochastic_pool2d_expected_args& a, Stream& stream) {
  const bool four = a.c % 4 == 0 && aligned(16, a.x, a.y);
  over_pools("stochastic_pool2d_expected", stream, four, a.n, a.h, a.w, a.c, a.pool, a.stride, [&](auto width, auto size, const Pooling& pooling) {
    return StochasticExpected<width(), size()>{a.x, a.y, pooling};
  });
}

STEEPEST_KERNELS_END
