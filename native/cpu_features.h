// What this processor can do: instruction sets (cpuid, with the operating system's leave by xgetbv), cores, its name.
#pragma once
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace steepest {

const char* isa_name(Isa isa);  // "portable", "avx2", "avx512"

// The instruction sets that this build holds and this processor runs, weakest first. Never empty.
const std::vector<Isa>& supported_isas();

// The instruction set kernels run with: the strongest, until select_isa() names another. Shared by the whole process.
Isa active_isa();
// False (and no change) where the name is unknown or not supported.
bool select_isa(const std::string& name);

// Extensions worth knowing in a report: "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16", ...
std::vector<std::string> cpu_feature_names();
std::string cpu_model();

// Threads that can run at once: as many as this process may use (affinity, cgroup quota).
int logical_cores();
// The same counted in cores, not hyperthreads: the default number of threads.
int physical_cores();

}  // namespace steepest
