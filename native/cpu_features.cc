// Instruction sets: Intel SDM vol. 2 (CPUID) and vol. 1, 13.3 and 14.3: an extension may be used where cpuid names it and XCR0 says that
// the system saves its registers. Cores: Linux sysfs (cpu/cpuN/topology), cut down to the affinity mask and the cgroup's quota.
#include "cpu_features.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace steepest {
namespace {

struct Feature {
  const char* name;
  bool present;
};

#if defined(__x86_64__)
struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned subleaf = 0) {
  Registers r;
  __get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d);
  return r;
}

// XCR0: which register states the system saves and restores.
unsigned long long saved_states() {
  if (!(cpuid(1).c >> 27 & 1)) return 0;  // OSXSAVE
  unsigned low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<unsigned long long>(high) << 32) | low;
}

std::vector<Feature> detect() {
  const auto saved = saved_states();
  const bool ymm = (saved & 0x6) == 0x6, zmm = (saved & 0xe6) == 0xe6, tiles = (saved & 0x60000) == 0x60000;
  const Registers one = cpuid(1), seven = cpuid(7), seven1 = cpuid(7, 1);
  const auto bit = [](unsigned word, int n) { return (word >> n & 1) != 0; };
  return {
      {"avx", ymm && bit(one.c, 28)},          {"fma", ymm && bit(one.c, 12)},
      {"f16c", ymm && bit(one.c, 29)},         {"avx2", ymm && bit(seven.b, 5)},
      {"avx512f", zmm && bit(seven.b, 16)},    {"avx512dq", zmm && bit(seven.b, 17)},
      {"avx512bw", zmm && bit(seven.b, 30)},   {"avx512vl", zmm && bit(seven.b, 31)},
      {"avx512_vnni", zmm && bit(seven.c, 11)}, {"avx512_bf16", zmm && bit(seven1.a, 5)},
      {"amx_tile", tiles && bit(seven.d, 24)}, {"amx_bf16", tiles && bit(seven.d, 22)},
  };
}
#else
std::vector<Feature> detect() {
#if defined(__aarch64__)
  return {{"neon", true}};
#else
  return {};
#endif
}
#endif

const std::vector<Feature>& features() {
  static const auto* found = new std::vector<Feature>(detect());
  return *found;
}

bool has(const char* name) {
  for (const Feature& f : features())
    if (std::string(name) == f.name) return f.present;
  return false;
}

std::atomic<int>& selected() {
  static std::atomic<int> isa{supported_isas().back()};
  return isa;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The processors this process may run on; empty where the system does not say.
std::vector<int> allowed_processors() {
  std::vector<int> list;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    for (int i = 0; i < CPU_SETSIZE; i++)
      if (CPU_ISSET(i, &set)) list.push_back(i);
#endif
  return list;
}

// Processors' worth of time that the cgroup grants (rounded up), or a large number.
int quota() {
  double least = 1e6;
#if defined(__linux__)
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::", 0) != 0) continue;
    for (std::string path = line.substr(3);;) {  // this group and those above it
      std::istringstream words(first_line("/sys/fs/cgroup" + path + "/cpu.max"));
      std::string limit;
      double period;
      if (words >> limit >> period && limit != "max" && period > 0) least = std::min(least, std::atof(limit.c_str()) / period);
      const auto slash = path.rfind('/');
      if (path.empty() || slash == std::string::npos) break;
      path.resize(slash);
    }
  }
  const double limit = std::atof(first_line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str());  // version 1
  const double period = std::atof(first_line("/sys/fs/cgroup/cpu/cpu.cfs_period_us").c_str());
  if (limit > 0 && period > 0) least = std::min(least, limit / period);
#endif
  return std::max(1, static_cast<int>(std::ceil(least)));
}

int count_physical() {
#if defined(__APPLE__)
  int count = 0;
  size_t size = sizeof count;
  if (sysctlbyname("hw.physicalcpu", &count, &size, nullptr, 0) == 0 && count > 0) return count;
#endif
  std::set<std::string> cores;
  for (int i : allowed_processors()) {
    const std::string topology = "/sys/devices/system/cpu/cpu" + std::to_string(i) + "/topology/";
    const std::string package = first_line(topology + "physical_package_id"), core = first_line(topology + "core_id");
    cores.insert(core.empty() ? "cpu " + std::to_string(i) : package + ":" + first_line(topology + "die_id") + ":" + core);
  }
  return cores.empty() ? std::max(1, static_cast<int>(std::thread::hardware_concurrency())) : static_cast<int>(cores.size());
}

}  // namespace

const char* isa_name(Isa isa) {
  static const char* const names[kIsaCount] = {"portable", "avx2", "avx512"};
  return names[isa];
}

const std::vector<Isa>& supported_isas() {
  static const auto* list = [] {
    auto* isas = new std::vector<Isa>{kPortable};
#if defined(STEEPEST_X86)
    const bool avx2 = has("avx2") && has("fma");
    if (avx2) isas->push_back(kAvx2);
    if (avx2 && has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq")) isas->push_back(kAvx512);
#endif
    return isas;
  }();
  return *list;
}

Isa active_isa() { return static_cast<Isa>(selected().load(std::memory_order_relaxed)); }

bool select_isa(const std::string& name) {
  for (Isa isa : supported_isas()) {
    if (name != isa_name(isa)) continue;
    selected() = isa;
    return true;
  }
  return false;
}

std::vector<std::string> cpu_feature_names() {
  std::vector<std::string> names;
  for (const Feature& f : features())
    if (f.present) names.emplace_back(f.name);
  return names;
}

std::string cpu_model() {
#if defined(__APPLE__)
  char name[256];
  size_t size = sizeof name;
  if (sysctlbyname("machdep.cpu.brand_string", name, &size, nullptr, 0) == 0) return name;
#endif
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.rfind("model name", 0) == 0 && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

int logical_cores() {
  const auto allowed = allowed_processors().size();
  const int count = allowed > 0 ? static_cast<int>(allowed) : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, std::min(count, quota()));
}

int physical_cores() {
  static const int count = std::max(1, std::min(count_physical(), quota()));
  return count;
}

}  // namespace steepest
