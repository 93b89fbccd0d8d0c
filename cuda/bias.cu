// Bias: the same k numbers added to every row, y = x + 1 b' (lecture notes 1.3.3, S = W phi(Z) + b 1'); backward db = dS 1 (3.2).
#include "kernel.cuh"

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
struct alignas(4 * V) BiasVector {
  float at[V];
};

template <int V>
__global__ void __launch_bounds__(kBiasThreads) bias_add(BiasForward p) {
  using Vector = BiasVector<V>;
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

// ---- backward: a block sums a chunk of rows of a strip of columns in double precision, then the chunks are added in their order ----

struct BiasBackward {
  const float* dy;
  double* sums;  // [chunks, k]; null: there is one chunk, the sums go to db
  float* db;
  int64_t rows, k, chunk;  // chunk: rows of a block
  int lanes;               // across a strip: a power of two; the other threads of a block are rows apart
};

struct BiasShared {
  double sums[kBiasThreads * 4];
};

template <int V>
__global__ void __launch_bounds__(kBiasThreads) bias_chunks(BiasBackward p) {
  STEEPEST_SHARED(BiasShared, shared);
  using Vector = BiasVector<V>;
  const int lane = threadIdx.x % p.lanes, down = threadIdx.x / p.lanes, depth = kBiasThreads / p.lanes;
  const int64_t column = (static_cast<int64_t>(blockIdx.x) * p.lanes + lane) * V, end = least(p.rows, (blockIdx.y + int64_t{1}) * p.chunk);
  double sums[V] = {};
  if (column < p.k) {
    STEEPEST_UNROLL_BY(4)
    for (int64_t row = blockIdx.y * p.chunk + down; row < end; row += depth) {
      const Vector v = *reinterpret_cast<const Vector*>(p.dy + row * p.k + column);
      STEEPEST_UNROLL
      for (int j = 0; j < V; j++) sums[j] += static_cast<double>(v.at[j]);
    }
  }
  STEEPEST_UNROLL
  for (int j = 0; j < V; j++) shared.sums[j * kBiasThreads + threadIdx.x] = sums[j];
  for (int half = kBiasThreads / 2; half >= p.lanes; half /= 2) {
    __syncthreads();
    if (threadIdx.x >= static_cast<unsigned>(half)) continue;
    STEEPEST_UNROLL
    for (int j = 0; j < V; j++) shared.sums[j * kBiasThreads + threadIdx.x] += shared.sums[j * kBiasThreads + threadIdx.x + half];
  }
  if (down != 0 || column >= p.k) return;  // what is left is the thread's own
  STEEPEST_UNROLL
  for (int j = 0; j < V; j++) {
    const double sum = shared.sums[j * kBiasThreads + lane];
    if (p.sums == nullptr) p.db[column + j] = static_cast<float>(sum);
    else p.sums[blockIdx.y * p.k + column + j] = sum;
  }
}

struct BiasTotal {
  const double* sums;  // [chunks, k]
  float* db;
  int64_t k;
  int chunks;
};

// A warp has a column.
static __global__ void __launch_bounds__(kBiasThreads) bias_total(BiasTotal p) {
  const int64_t column = static_cast<int64_t>(blockIdx.x) * (kBiasThreads / kWarp) + threadIdx.x / kWarp;
  double sum = 0;
  if (column < p.k) {
    STEEPEST_UNROLL_BY(4)
    for (int chunk = threadIdx.x % kWarp; chunk < p.chunks; chunk += kWarp) sum += p.sums[chunk * p.k + column];
  }
  for (int step = kWarp / 2; step > 0; step /= 2) sum += __shfl_xor_sync(kAll, sum, step);
  if (threadIdx.x % kWarp == 0 && column < p.k) p.db[column] = static_cast<float>(sum);
}

constexpr int64_t kBiasBlocks = 1056;  // enough for any device
constexpr int64_t kBiasTurns = 16;     // rows of a thread that are worth a block

// dy[rows, k] -> db[k] = the sum of the rows.
void bias_backward(const bias_backward_args& a, Stream& stream) {
  const bool four = a.k % 4 == 0 && aligned(16, a.dy);
  const int64_t groups = four ? a.k / 4 : a.k;
  int64_t lanes = 1;
  while (lanes < kWarp && lanes < groups) lanes *= 2;
  const int64_t strips = ceil_div(groups, lanes), wanted = ceil_div(a.rows, kBiasTurns * (kBiasThreads / lanes));
  const int64_t chunk = most(1, ceil_div(a.rows, most(1, least(wanted, kBiasBlocks / most(1, strips))))), chunks = most(1, ceil_div(a.rows, chunk));
  double* const sums = chunks == 1 ? nullptr : static_cast<double*>(stream.scratch(0, static_cast<size_t>(chunks * a.k) * sizeof(double)));
  stream.launch(four ? &bias_chunks<4> : &bias_chunks<1>, {strips, chunks}, kBiasThreads,
                BiasBackward{a.dy, sums, a.db, a.rows, a.k, chunk, static_cast<int>(lanes)}, sizeof(BiasShared));
  if (sums) stream.launch(&bias_total, {ceil_div(a.k, kBiasThreads / kWarp)}, kBiasThreads, BiasTotal{sums, a.db, a.k, static_cast<int>(chunks)});
}

STEEPEST_KERNELS_END
