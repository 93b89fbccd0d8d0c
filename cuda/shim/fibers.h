// Runs the blocks of a launch on the host, each thread of a block a fiber.
#pragma once
#include <cstddef>
#include <cstdint>

#include "../stream.h"

namespace steepest {
namespace shim {

// run(kernel, params) once for each thread of grid x threads. Throws std::runtime_error where a device would hang or fault: a barrier or
// shuffle that some threads never reach, too much shared memory, a grid out of range.
void run_grid(const cuda::Grid& grid, int threads, size_t shared, void (*run)(const void* kernel, const void* params), const void* kernel,
              const void* params);

}  // namespace shim
}  // namespace steepest
