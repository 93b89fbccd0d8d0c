// What a build without CUDA has of a device: the reason that there is none.
#include "device.h"

namespace steepest {
namespace cuda {

static const char* const kReason = "steepest was built without CUDA";

Probe probe() { return {false, "", "", {}, kReason}; }
Device& Device::at(int) { throw NoDevice(kReason); }

}  // namespace cuda
}  // namespace steepest
