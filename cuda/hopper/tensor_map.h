// Tensor maps by the driver, which is asked for its function when the first map is made: the addon is not linked with the driver, and starts
// without one. For runtime.cu.
#pragma once
#include <cuda.h>
#include <cuda_runtime_api.h>

#include "../stream.h"

namespace steepest {
namespace cuda {

// cuTensorMapEncodeTiled, or null.
inline decltype(&cuTensorMapEncodeTiled) tensor_map_encoder() {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found;
#if CUDART_VERSION >= 12050
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found);
#else
  const cudaError_t status = cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &function, cudaEnableDefault, &found);
#endif
  if (status != cudaSuccess) cudaGetLastError();
  return status == cudaSuccess && found == cudaDriverEntryPointSuccess ? reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function) : nullptr;
}

// Stream::tensor_map. The array is one of 32-bit words to the copy engine, which does not look into them. False where the driver will not have it.
inline bool make_tensor_map(decltype(&cuTensorMapEncodeTiled) encode, const void* from, int64_t lines, int64_t bytes, int box, TensorMap& map) {
  static_assert(sizeof(TensorMap) == sizeof(CUtensorMap) && alignof(TensorMap) >= 64, "what the driver calls a tensor map");
  const cuuint64_t sizes[2] = {static_cast<cuuint64_t>(bytes / 4), static_cast<cuuint64_t>(lines)}, distances[1] = {static_cast<cuuint64_t>(bytes)};
  const cuuint32_t boxes[2] = {128 / 4, static_cast<cuuint32_t>(box)}, steps[2] = {1, 1};
  return encode(reinterpret_cast<CUtensorMap*>(&map), CU_TENSOR_MAP_DATA_TYPE_UINT32, 2, const_cast<void*>(from), sizes, distances, boxes, steps,
                CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

}  // namespace cuda
}  // namespace steepest
