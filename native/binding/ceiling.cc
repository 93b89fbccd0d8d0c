// The measured ceilings: independent chains of multiply-adds that never leave the registers, and a plain copy through memory.
#include "ceiling.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#if defined(STEEPEST_X86)
#include <immintrin.h>
#endif

#include "../../cuda/ceiling.h"
#include "../cpu_features.h"
#include "arguments.h"
#include "engine.h"

namespace steepest {
namespace {

// Chains: latency (4) times multiply-adds a cycle (2) or more, and no more than there are registers beside x and y.
constexpr int kChains = 12;

// `rounds` multiply-adds in each chain; returns a value that depends on all of them. Lanes: 4 (baseline), 8, 16.
float chains_portable(int64_t rounds) {
  typedef float lanes __attribute__((vector_size(16)));
  lanes a[kChains], x = lanes{} + 0.999f, y = lanes{} + 1e-7f;
  for (int i = 0; i < kChains; i++) a[i] = lanes{} + static_cast<float>(i);
  for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) a[i] = a[i] * x + y;
  for (int i = 1; i < kChains; i++) a[0] += a[i];
  return a[0][0] + a[0][1] + a[0][2] + a[0][3];
}

#if defined(STEEPEST_X86)
__attribute__((target("avx2,fma"))) float chains_avx2(int64_t rounds) {
  __m256 a[kChains];
  const __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(1e-7f);
  for (int i = 0; i < kChains; i++) a[i] = _mm256_set1_ps(static_cast<float>(i));
  for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) a[i] = _mm256_fmadd_ps(a[i], x, y);
  for (int i = 1; i < kChains; i++) a[0] = _mm256_add_ps(a[0], a[i]);
  float sum[8];
  _mm256_storeu_ps(sum, a[0]);
  return sum[0] + sum[3] + sum[7];
}

__attribute__((target("avx512f"))) float chains_avx512(int64_t rounds) {
  __m512 a[kChains];
  const __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(1e-7f);
  for (int i = 0; i < kChains; i++) a[i] = _mm512_set1_ps(static_cast<float>(i));
  for (int64_t k = 0; k < rounds; k++)
#pragma GCC unroll 12
    for (int i = 0; i < kChains; i++) a[i] = _mm512_fmadd_ps(a[i], x, y);
  for (int i = 1; i < kChains; i++) a[0] = _mm512_add_ps(a[0], a[i]);
  float sum[16];
  _mm512_storeu_ps(sum, a[0]);
  return sum[0] + sum[7] + sum[15];
}
#endif

struct Chains {
  float (*run)(int64_t rounds);
  int lanes;
};

Chains active_chains() {
#if defined(STEEPEST_X86)
  if (active_isa() == kAvx512) return {chains_avx512, 16};
  if (active_isa() == kAvx2) return {chains_avx2, 8};
#endif
  return {chains_portable, 4};
}

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The least time of several runs, the first of which is a warm-up.
template <class F>
double best_seconds(int runs, F&& f) {
  double best = 1e30;
  for (int i = 0; i <= runs; i++) {
    const double start = seconds_now();
    f();
    const double seconds = seconds_now() - start;
    if (i > 0 && seconds < best) best = seconds;
  }
  return best;
}

double flops_per_second(Team& team) {
  constexpr int64_t kRounds = 50000;
  const Chains chains = active_chains();
  const int64_t blocks = 32 * static_cast<int64_t>(team.threads());
  std::vector<float> sums(static_cast<size_t>(blocks));  // kept, so that the loops are not left out
  const double seconds = best_seconds(5, [&] {
    team.parallel(blocks, 1, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; i++) sums[static_cast<size_t>(i)] = chains.run(kRounds);
    });
  });
  volatile float sink = sums[0];
  (void)sink;
  return 2.0 * kChains * chains.lanes * kRounds * static_cast<double>(blocks) / seconds;
}

double bytes_per_second(Team& team) {
  constexpr size_t kBlock = size_t{1} << 21, kBlocks = 64;
  const std::unique_ptr<char[]> from(new char[kBlock * kBlocks]), to(new char[kBlock * kBlocks]);
  std::memset(from.get(), 1, kBlock * kBlocks);
  const double seconds = best_seconds(5, [&] {
    team.parallel(kBlocks, 1, [&](int64_t begin, int64_t end, int) {
      const size_t at = static_cast<size_t>(begin) * kBlock;
      std::memcpy(to.get() + at, from.get() + at, static_cast<size_t>(end - begin) * kBlock);
    });
  });
  return 2.0 * kBlock * kBlocks / seconds;
}

// Of the times that take_stamps gives, the shortest from one to the next, in seconds.
double shortest(const std::vector<double>& stamps) {
  double least = stamps.back();
  for (size_t i = 1; i < stamps.size(); i++) least = std::min(least, stamps[i] - stamps[i - 1]);
  return std::max(least, 1.0) / 1e9;
}

// The same two on a CUDA device: enough blocks for any, and copies larger than its caches.
Napi::Value device_ceiling(Napi::Env env, int device) {
  constexpr int64_t kBlocks = 4096, kRounds = 2048, kFloats = int64_t{1} << 26;
  constexpr int kTimes = 5;
  const auto queue = cuda::Device::at(device).new_queue();
  const Memory from(kFloats * sizeof(float), device), to(kFloats * sizeof(float), device);
  const auto time = [&](auto&& launch) {
    launch();
    queue->stamp();
    for (int i = 0; i < kTimes; i++) {
      launch();
      queue->stamp();
    }
    return shortest(queue->take_stamps());
  };
  const double chains = time([&] { cuda::multiply_adds(reinterpret_cast<float*>(to.data()), kBlocks, kRounds, *queue); });
  const double copies = time([&] { cuda::copies(reinterpret_cast<float*>(from.data()), reinterpret_cast<float*>(to.data()), kFloats, *queue); });
  Napi::Object result = Napi::Object::New(env);
  result.Set("gflops", 2.0 * cuda::kChainsOfBlock * kRounds * kBlocks / chains / 1e9);
  result.Set("gbPerSecond", 2.0 * sizeof(float) * kFloats / copies / 1e9);
  return result;
}

}  // namespace

Napi::Value ceiling(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int threads = static_cast<int>(whole_number(info[0], "threads", 0, kMaxThreads));
  const int device = device_number(info[1]);
  if (device != kHost) return device_ceiling(env, device);
  PoolTeam& team = env.GetInstanceData<Environment>()->team;
  team.resize(threads == 0 ? physical_cores() : threads);
  Napi::Object result = Napi::Object::New(env);
  result.Set("gflops", flops_per_second(team) / 1e9);
  result.Set("gbPerSecond", bytes_per_second(team) / 1e9);
  return result;
}

}  // namespace steepest
