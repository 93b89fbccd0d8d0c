// Checks of native/thread_pool.cc: `thread_pool NAME` prints how many comparisons it made, or the first that failed. Compiled with ThreadSanitizer.
#include "thread_pool.h"

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "../cuda/check.h"

using namespace steepest;

namespace {

// Each unit once, by a thread of the team, in blocks of at most `grain`.
void region(PoolTeam& team, int64_t units, int64_t grain) {
  std::vector<char> times(static_cast<size_t>(units));
  std::atomic<int> wrong{0};
  team.parallel(units, grain, [&](int64_t begin, int64_t end, int thread) {
    if (begin >= end || end - begin > grain || thread < 0 || thread >= team.threads()) wrong++;
    for (int64_t i = begin; i < end; i++) times[static_cast<size_t>(i)]++;
  });
  same("wrong blocks", wrong.load(), 0, {units, grain, team.threads()});
  int64_t once = 0;
  for (char n : times) once += n == 1;
  same("units done once", once, units, {units, grain, team.threads()});
}

void regions() {
  PoolTeam team;
  for (int threads : {1, 2, 3, 5, 16})
    for (int64_t units : {int64_t{0}, int64_t{1}, int64_t{2}, int64_t{7}, int64_t{100}, int64_t{5000}})
      for (int64_t grain : {int64_t{1}, int64_t{3}, int64_t{64}, int64_t{1} << 40}) {
        team.resize(threads);
        region(team, units, grain);
      }
  team.resize(4);
  for (int i = 0; i < 3000; i++) region(team, 8, 1);  // short ones in a row: workers come late, or not at all
}

// What one region wrote, the next one reads, with whichever threads.
void order() {
  PoolTeam team(4);
  std::vector<int64_t> x(997, 1);
  for (int round = 1; round <= 300; round++) {
    team.resize(1 + round % 6);
    team.parallel(997, 1 + round % 50, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; i++) x[static_cast<size_t>(i)] += x[static_cast<size_t>(i)] % 2 + 1;
    });
  }
  int64_t expected = 1;
  for (int round = 0; round < 300; round++) expected += expected % 2 + 1;
  for (int64_t value : x) same("after all regions", value, expected, {});
}

void exceptions() {
  PoolTeam team(4);
  for (int round = 0; round < 300; round++) {
    int caught = 0;
    try {
      team.parallel(64, 1, [&](int64_t begin, int64_t, int) {
        if (begin % 8 == round % 8) throw std::runtime_error("of a body");  // of several threads at once
      });
    } catch (const std::runtime_error&) {
      caught++;
    }
    same("caught", caught, 1, {round});
    region(team, 64, 1);
  }
}

// Callers at once, each with a team of its own: one has the pool, the others work alone.
void callers() {
  std::vector<std::thread> threads;
  std::atomic<int64_t> sum{0};
  for (int caller = 0; caller < 4; caller++)
    threads.emplace_back([&sum, caller] {
      PoolTeam team(2 + caller);
      for (int round = 0; round < 400; round++) {
        std::vector<int> x(256);
        team.parallel(256, 16, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; i++) x[static_cast<size_t>(i)] = 1;
        });
        for (int value : x) sum += value;
      }
    });
  for (std::thread& thread : threads) thread.join();
  same("units of all callers", sum.load(), int64_t{4} * 400 * 256, {});
}

// Whole kernels on parts of a batch, as a plan's segments run: each thread's team is its own, with its scratch.
void nested() {
  PoolTeam team(5);
  for (int round = 0; round < 300; round++) {
    std::vector<int64_t> y(40);
    team.parallel(40, 3, [&](int64_t begin, int64_t end, int thread) {
      Team& solo = team.solo(thread);
      auto* part = static_cast<int64_t*>(solo.scratch(0, round % Team::kSlots, 4096 * static_cast<size_t>(1 + round % 3)));
      std::memset(part, 0, 4096);
      solo.parallel(end - begin, 1, [&](int64_t from, int64_t, int) { part[from] = begin + from; });
      for (int64_t i = begin; i < end; i++) y[static_cast<size_t>(i)] = part[i - begin];
    });
    for (int64_t i = 0; i < 40; i++) same("what a part gave", y[static_cast<size_t>(i)], i, {round});
  }
}

void scratch() {
  const int64_t before = scratch_bytes();
  {
    PoolTeam team(3);
    std::vector<void*> all;
    for (int thread = 0; thread < 3; thread++)
      for (int slot = 0; slot < Team::kSlots; slot++) {
        void* memory = team.scratch(thread, slot, 100);
        same("aligned", reinterpret_cast<uintptr_t>(memory) % 64, uintptr_t{0}, {thread, slot});
        for (void* other : all) same("its own", memory != other, true, {thread, slot});
        same("the same again", team.scratch(thread, slot, 50) == memory, true, {thread, slot});
        all.push_back(memory);
      }
    same("counted", scratch_bytes() - before, int64_t{3} * Team::kSlots * 4096, {});
    int caught = 0;
    try {
      team.scratch(0, 0, SIZE_MAX - 10);
    } catch (const std::bad_alloc&) {
      caught++;
    }
    same("no such room", caught, 1, {});
  }
  same("given back", scratch_bytes(), before, {});
}

// A flag that another thread sets, as stop() and the end of an environment do.
void stop() {
  PoolTeam team(4);
  for (int round = 0; round < 50; round++) {
    std::atomic<bool> ended{false};
    std::thread other([&] {
      std::this_thread::yield();
      ended = true;
    });
    int64_t steps = 0;
    while (!ended) {
      region(team, 32, 4);
      steps++;
    }
    other.join();
    same("ended", ended.load(), true, {steps});
  }
}

}  // namespace

int main(int, char** arguments) {
  const struct {
    const char* name;
    void (*run)();
  } checks[] = {{"regions", regions}, {"order", order}, {"exceptions", exceptions}, {"callers", callers}, {"nested", nested}, {"scratch", scratch}, {"stop", stop}};
  for (const auto& check : checks)
    if (std::strcmp(arguments[1], check.name) == 0) check.run();
  std::printf("%lld\n", static_cast<long long>(compared));
}
