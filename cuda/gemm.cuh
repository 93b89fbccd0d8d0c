// What all ways of a gemm end with (gemm.cu, hopper/gemm.cu).
#pragma once
#include "product.cuh"

STEEPEST_KERNELS_BEGIN

// c = sums (+ c) (+ bias), then relu.
struct GemmEnd {
  float* c;
  const float* bias;  // or null
  int64_t m, n;
  bool accumulate, relu, wide;  // wide: 16 bytes of c at a time

  __device__ float of(float sum, float bias_j, float old) const {
    const float value = sum + old + bias_j;
    return relu && value <= 0 ? 0.0f : value;
  }
  __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const {
    float added[4];
    STEEPEST_UNROLL
    for (int j = 0; j < 4; j++) added[j] = bias != nullptr && column + j < n ? bias[column + j] : 0.0f;
    STEEPEST_UNROLL
    for (int i = 0; i < 4; i++) {
      if (row + i >= m) break;
      float* to = c + (row + i) * n + column;
      if (wide) {
        const float4 old = accumulate ? load4(to) : make_float4(0, 0, 0, 0);
        *reinterpret_cast<float4*>(to) = make_float4(of(sums[i][0], added[0], old.x), of(sums[i][1], added[1], old.y), of(sums[i][2], added[2], old.z),
                                                     of(sums[i][3], added[3], old.w));
        continue;
      }
      STEEPEST_UNROLL
      for (int j = 0; j < 4; j++)
        if (column + j < n) to[j] = of(sums[i][j], added[j], accumulate ? to[j] : 0.0f);
    }
  }
};

inline GemmEnd gemm_end(const gemm_args& a) {
  return {a.c, a.bias, a.m, a.n, a.accumulate != 0, a.relu != 0, a.n % 4 == 0 && aligned(16, a.c)};
}

STEEPEST_KERNELS_END
