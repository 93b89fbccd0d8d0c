// What a build without CUDA has of a device: the reason that there is none.
#include "ceiling.h"
#include "device.h"

namespace steepest {
namespace cuda {

static const char* const kReason = "steepest was built without CUDA: `npx steepest build --cuda` compiles it, where nvcc is";

Probe probe() { return {false, "", "", {}, kReason}; }
Device& Device::at(int) { throw NoDevice(kReason); }
void multiply_adds(float*, int64_t, int64_t, Stream&) {}
void copies(const float*, float*, int64_t, Stream&) {}

}  // namespace cuda
}  // namespace steepest
