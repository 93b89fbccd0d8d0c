// Bias: the same k numbers added to every row, y = x + 1 b' (lecture notes 1.3.3, S = W phi(Z) + b 1'); backward db = dS 1 (3.2).
#include "channels.cuh"

STEEPEST_KERNELS_BEGIN

constexpr int kBiasThreads = 256;

// ---- forward: a thread has V neighbouring columns of every stride-th row, so that it divides once and reads its bias once ----

struct BiasForward {
  const float *x, *bias;
  float* y;
  int64_t rows, k, stride;
};

constexpr int64_t kBiasRows = 4;  // of a thread

template <int V>
__global__ void __launch_bounds__(kBiasThreads) bias_add(BiasForward p) {
  using Vector = Pack<float, V>;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kBiasThreads + threadIdx.x, groups = p.k / V;
  const int64_t first = i / groups, column = i % groups * V;
  if (first >= p.stride) return;
  const Vector bias = *reinterpret_cast<const Vector*>(p.bias + column);
  STEEPEST_UNROLL_BY(4)
  for (int64_t row = first; row < p.rows; row += p.stride) {
    Vector v = *reinterpret_cast<const Vector*>(p.x + row * p.k + column);
    STEEPEST_UNROLL
    for (int j = 0; j < V; j++) v.at[j] += bias.at[j];
    *reinterpret_cast<Vector*>(p.y + row * p.k + column) = v;
  }
}

// x[rows, k], bias[k] -> y[rows, k].
void bias_forward(const bias_forward_args& a, Stream& stream) {
  const bool four = a.k % 4 == 0 && aligned(16, a.x, a.bias, a.y);
  const int64_t stride = ceil_div(a.rows, kBiasRows), threads = stride * (four ? a.k / 4 : a.k);
  stream.launch(four ? &bias_add<4> : &bias_add<1>, {ceil_div(threads, kBiasThreads)}, kBiasThreads, BiasForward{a.x, a.bias, a.y, a.rows, a.k, stride});
}

// ---- backward ----

// dy[rows, k] -> db[k] = the sum of the rows.
void bias_backward(const bias_backward_args& a, Stream& stream) {
  const ChannelShape shape(a.k);
  const auto sum = a.k % 4 == 0 && aligned(16, a.dy) ? &sum_rows<true> : &sum_rows<false>;
  sum(stream, shape, a.dy, 1, a.rows, channel_chunk(shape, a.rows, 4), 1.0, a.db);
}

STEEPEST_KERNELS_END
