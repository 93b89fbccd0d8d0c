// Stochastic pooling (Zeiler and Fergus, "Stochastic pooling for regularization of deep convolutional neural networks", ICLR 2013,
// equations 4-6; named in the lecture notes, 1.3.6). With a = max(x, 0), training takes place j of a window with probability
// p_j = a_j / sum a; inference takes the mean sum p_j a_j.
#include "kernels/philox.h"
#include "pool_windows.cuh"

STEEPEST_KERNELS_BEGIN

namespace {

// Numbers index .. index + kWide - 1 of a stream. Words are chosen by constant places: others would live in memory.
template <int kWide>
__device__ void stochastic_pool2d_numbers(int64_t seed, int64_t stream, int64_t step, int64_t index, float (&u)[kWide]) {
  const int place = static_cast<int>(index % 4);
  const PhiloxWords low = philox_block(seed, stream, step, index / 4);
  PhiloxWords high = {};
  if (kWide > 1 && place > 0) high = philox_block(seed, stream, step, index / 4 + 1);
  uint32_t words[8] = {low.word[0], low.word[1], low.word[2], low.word[3], high.word[0], high.word[1], high.word[2], high.word[3]};
#pragma unroll
  for (int i = 0; i < 7; i++)
    if (place & 1) words[i] = words[i + 1];
#pragma unroll
  for (int i = 0; i < 6; i++)
    if (place & 2) words[i] = words[i + 2];
#pragma unroll
  for (int l = 0; l < kWide; l++) u[l] = uniform_of_word(words[l]);
}

__device__ inline void stochastic_pool2d_store(uint16_t* p, const int (&v)[1]) { p[0] = static_cast<uint16_t>(v[0]); }
__device__ inline void stochastic_pool2d_store(uint16_t* p, const int (&v)[4]) {
  const auto pair = [](int a, int b) { return static_cast<unsigned>(a & 0xffff) | static_cast<unsigned>(b) << 16; };
  *reinterpret_cast<uint2*>(p) = make_uint2(pair(v[0], v[1]), pair(v[2], v[3]));
}

template <int kWide>
void stochastic_pool2d_forward_of(const stochastic_pool2d_forward_args& a, Stream& stream) {
  const PoolWindows<kWide> windows(a);
  const float* x = a.x;
  float* y = a.y;
  uint16_t* argmax = a.argmax;
  const int64_t seed = a.seed, of = a.stream, step = a.step, start = a.first;
  elementwise(stream, windows.outputs(), [=] __device__(int64_t unit) {
    const int64_t first = windows.first(unit);
    float limit[kWide], total[kWide] = {}, sum[kWide] = {}, chosen[kWide];
    int place_chosen[kWide] = {};
    bool done[kWide] = {};
    windows.places(x, first, [&](int, const float(&v)[kWide]) {
#pragma unroll
      for (int l = 0; l < kWide; l++) total[l] += v[l] > 0 ? v[l] : 0.0f;
    });
    stochastic_pool2d_numbers(seed, of, step, start + unit * kWide, limit);
    load_floats(x + first, chosen);
#pragma unroll
    for (int l = 0; l < kWide; l++) limit[l] *= total[l];
    windows.places(x, first, [&](int place, const float(&v)[kWide]) {
#pragma unroll
      for (int l = 0; l < kWide; l++) {
        if (done[l] || !(v[l] > 0)) continue;
        chosen[l] = v[l];
        place_chosen[l] = place;
        sum[l] += v[l];
        done[l] = sum[l] > limit[l];
      }
    });
    store_floats(y + unit * kWide, chosen);
    stochastic_pool2d_store(argmax + unit * kWide, place_chosen);
  });
}

template <int kWide>
void stochastic_pool2d_expected_of(const stochastic_pool2d_expected_args& a, Stream& stream) {
  const PoolWindows<kWide> windows(a);
  const float* x = a.x;
  float* y = a.y;
  elementwise(stream, windows.outputs(), [=] __device__(int64_t unit) {
    float sum[kWide] = {}, squares[kWide] = {};
    windows.places(x, windows.first(unit), [&](int, const float(&v)[kWide]) {
#pragma unroll
      for (int l = 0; l < kWide; l++) {
        const float positive = v[l] <= 0 ? 0.0f : v[l];  // NaN stays
        sum[l] += positive;
        squares[l] = fmaf(positive, positive, squares[l]);
      }
    });
#pragma unroll
    for (int l = 0; l < kWide; l++) sum[l] = sum[l] == 0 ? 0.0f : squares[l] / sum[l];
    store_floats(y + unit * kWide, sum);
  });
}

}  // namespace

// x[n, h, w, c] -> y[n, p, q, c], argmax[n, p, q, c]: the first place whose cumulative sum exceeds u * total (where rounding leaves
// none, the last with a > 0), place 0 where the total is not > 0. u = number first + output of the stream. The sums are float32 in
// row-major order, so that every backend chooses the same place.
void stochastic_pool2d_forward(const stochastic_pool2d_forward_args& a, Stream& stream) {
  if (aligned(16, a.x, a.y) && aligned(8, a.argmax) && pool_by_fours(a)) stochastic_pool2d_forward_of<4>(a, stream);
  else stochastic_pool2d_forward_of<1>(a, stream);
}

// x[n, h, w, c] -> y[n, p, q, c] = sum a^2 / sum a, and 0 where the sum is 0.
void stochastic_pool2d_expected(const stochastic_pool2d_expected_args& a, Stream& stream) {
  if (aligned(16, a.x, a.y) && pool_by_fours(a)) stochastic_pool2d_expected_of<4>(a, stream);
  else stochastic_pool2d_expected_of<1>(a, stream);
}

STEEPEST_KERNELS_END
