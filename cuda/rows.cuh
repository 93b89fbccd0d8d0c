// Kernels on rows of k values: f(row) for each row, by 4 or 32 lanes of a warp, or by a block of 128 or 1024 threads, as the row is long.
// f is a generic device lambda; the lanes' sums and maxima (below) are barriers, so every lane must come to each of them.
//
// Lanes read single floats that stand side by side, kChunk of them before one is used. Wider accesses are not needed: a multiprocessor of an
// H200 gets some 20 bytes from memory in a cycle, and a warp's load of single floats brings 128.
#pragma once
#include "elementwise.cuh"

STEEPEST_KERNELS_BEGIN

// One lane's part in a row.
template <int Lanes>
struct Row {
  static constexpr int kChunk = Lanes < kWarp ? 4 : 8;  // values of a lane that are read before one is used

  int64_t index, k;
  int lane;
  int turn = 0;  // which half of the shared memory the next sum takes: the other may still be read

  // The row in an array of rows.
  template <class T>
  __device__ T* of(T* rows) const {
    return rows + index * k;
  }

  // Loads for each: a value of one array, or of two.
  __device__ auto one(const float* rows) const {
    const float* const x = of(rows);
    return [x](int64_t j) { return x[j]; };
  }
  __device__ auto pair(const float* rows, const float* others) const {
    const float *const x = of(rows), *const y = of(others);
    return [x, y](int64_t j) { return make_float2(x[j], y[j]); };
  }

  // values[index] = value, once.
  __device__ void set(float* values, float value) const {
    if (lane == 0) values[index] = value;
  }

  // use(first, values): the values load(j) of j = first, first + Lanes, ..., kChunk of them, `none` past the end of the row.
  template <class T, class Load, class Use>
  __device__ void chunks(T none, Load load, Use use) const {
    for (int64_t first = lane; first < k; first += kChunk * Lanes) {
      const int left = static_cast<int>(least(k - first, kChunk * Lanes));
      T values[kChunk];
      for (int c = 0; c < kChunk; c++) values[c] = c * Lanes < left ? load(first + c * Lanes) : none;
      use(first, values);
    }
  }

  // use(j, load(j)) for each j of the row.
  template <class Load, class Use>
  __device__ void each(Load load, Use use) const {
    using T = decltype(load(0));
    chunks(T{}, load, [&](int64_t first, const T(&values)[kChunk]) {
      const int left = static_cast<int>(least(k - first, kChunk * Lanes));
      for (int c = 0; c < kChunk; c++)
        if (c * Lanes < left) use(first + c * Lanes, values[c]);
    });
  }

  // Of all lanes of the row, for all of them.
  __device__ float sum(float value) {
    return all(value, 0.0f, [](float a, float b) { return a + b; });
  }
  __device__ float most(float value) {
    return all(value, -INFINITY, [](float a, float b) { return fmaxf(a, b); });
  }

  struct Shared {
    float parts[2][kWarp];
  };

 private:
  template <class F>
  __device__ float all(float value, float none, F f) {
    value = in_warp(value, f);
    if constexpr (Lanes > kWarp) {
      STEEPEST_SHARED(Shared, shared);
      if (lane % kWarp == 0) shared.parts[turn][lane / kWarp] = value;
      __syncthreads();
      value = in_warp(lane % kWarp < Lanes / kWarp ? shared.parts[turn][lane % kWarp] : none, f);
      turn ^= 1;
    }
    return value;
  }

  template <class F>
  static __device__ float in_warp(float value, F f) {
    for (int step = (Lanes < kWarp ? Lanes : kWarp) / 2; step > 0; step /= 2) value = f(value, __shfl_xor_sync(kAll, value, step));
    return value;
  }
};

template <class F>
struct Rows {
  int64_t rows, k;
  F f;
};

template <int Lanes>
constexpr int kRowThreads = Lanes < 128 ? 128 : Lanes;

// Lanes past the last row do the last row once more.
template <int Lanes, class F>
__global__ void __launch_bounds__(kRowThreads<Lanes>) rows_of(Rows<F> p) {
  Row<Lanes> row;
  row.k = p.k;
  row.lane = static_cast<int>(threadIdx.x % Lanes);
  row.index = least(static_cast<int64_t>(blockIdx.x) * (kRowThreads<Lanes> / Lanes) + threadIdx.x / Lanes, p.rows - 1);
  p.f(row);
}

template <int Lanes, class F>
void launch_rows(Stream& stream, const Rows<F>& params) {
  const size_t shared = Lanes > kWarp ? sizeof(typename Row<Lanes>::Shared) : 0;
  stream.launch(&rows_of<Lanes, F>, {ceil_div(params.rows, kRowThreads<Lanes> / Lanes)}, kRowThreads<Lanes>, params, shared);
}

// f(row) for each of the rows of k values.
template <class F>
void on_rows(Stream& stream, int64_t rows, int64_t k, F f) {
  const Rows<F> params{rows, k, f};
  if (k <= 16) launch_rows<4>(stream, params);
  else if (k <= 256) launch_rows<32>(stream, params);
  else if (k <= 2048) launch_rows<128>(stream, params);
  else launch_rows<1024>(stream, params);
}

// ---- the softmax of a row ----

struct SoftmaxSum {
  float max, sum;
};

// The largest x_j and the sum of e^(x_j - max), in one reading of the row: a lane scales its sum anew where its maximum rises. The sum is NaN
// where the row has a NaN or +infinity; where all are -infinity, it is 0 and max -infinity.
template <class R>
__device__ SoftmaxSum softmax_sum(R& row, const float* rows) {
  float max = -INFINITY, sum = 0;
  const auto finite = [](float m) { return m == -INFINITY ? 0.0f : m; };  // e^(-infinity - 0) = 0
  row.chunks(-INFINITY, row.one(rows), [&](int64_t, const auto& values) {
    float most = max;
    for (float value : values) most = fmaxf(most, value);
    sum *= expf(max - finite(most));
    for (float value : values) sum += expf(value - finite(most));
    max = most;
  });
  const float most = row.most(max);
  return {most, row.sum(sum * expf(max - finite(most)))};
}

STEEPEST_KERNELS_END
