// Which CUDA devices there are, or why there is none.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace steepest {

struct CudaDevice {
  std::string name;
  std::string capability;  // "9.0"
  uint64_t memory;         // bytes
  int multiprocessors;
};

struct CudaProbe {
  std::string driver, runtime;  // "13.0"; empty where there is none
  std::vector<CudaDevice> devices;
  std::string reason;  // why `devices` is empty
};

// Never throws for want of a driver or device, never ends the process. Starts the driver the first time (some 100 ms with a GPU).
CudaProbe probe_cuda();

}  // namespace steepest
