#include "device.h"

#include <cuda_runtime_api.h>

namespace steepest {
namespace {

std::string version(int number) { return number == 0 ? "" : std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

}  // namespace

CudaProbe probe_cuda() {
  CudaProbe probe;
  int driver = 0, runtime = 0, count = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  probe.runtime = version(runtime);
  probe.driver = version(driver);
  const cudaError_t status = driver == 0 ? cudaErrorInsufficientDriver : cudaGetDeviceCount(&count);
  if (driver == 0) {
    probe.reason = "no CUDA driver is installed";
  } else if (status == cudaErrorInsufficientDriver) {
    probe.reason = "the CUDA driver (" + probe.driver + ") is older than this build's runtime (" + probe.runtime + ")";
  } else if (status != cudaSuccess) {
    probe.reason = cudaGetErrorString(status);
  } else if (count == 0) {
    probe.reason = "no CUDA device was found";
  }
  for (int i = 0; i < count; i++) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    probe.devices.push_back({properties.name, std::to_string(properties.major) + "." + std::to_string(properties.minor),
                             static_cast<uint64_t>(properties.totalGlobalMem), properties.multiProcessorCount});
  }
  cudaGetLastError();  // leaves no error behind
  return probe;
}

}  // namespace steepest
