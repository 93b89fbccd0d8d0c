// The threads that kernels run on. One pool for the process; whoever calls it is thread 0 of his own team, the pool's workers are the rest.
//
// A region of work is cut into blocks. Each thread has a share of them, the same part of every region, so that it finds in its caches what it
// wrote before; it takes its own blocks by an atomic counter, then those that others have left. The caller never waits for a worker that has
// not come: it takes the blocks itself, closes the region, and waits only for those inside. So a busy machine slows a region down but does
// not stall it.
// While one caller has the pool, a second one works alone: results are the same for any number of threads.
#pragma once
#include <memory>
#include <vector>

#include "kernels/kernel.h"

namespace steepest {

constexpr int kMaxThreads = 1024;

// Buffers of one thread that grow and stay.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  void* get(int slot, size_t bytes);

 private:
  struct {
    void* data = nullptr;
    size_t bytes = 0;
  } slots_[Team::kSlots];
};

// A team of the process's pool. It belongs to one calling thread at a time, and owns the scratch memory of its members.
class PoolTeam final : public Team {
 public:
  explicit PoolTeam(int threads = 1) { resize(threads); }

  // 1 .. kMaxThreads; not while a kernel runs.
  void resize(int threads);

  int threads() const override { return threads_; }
  void run(int64_t units, int64_t grain, Body body, void* context) override;
  void* scratch(int thread, int slot, size_t bytes) override { return members_[static_cast<size_t>(thread)]->scratch(0, slot, bytes); }

  // Member `thread` as a team of its own, for a body of this team that runs whole kernels on a part of a batch. Its scratch is the member's.
  Team& solo(int thread) { return *members_[static_cast<size_t>(thread)]; }

 private:
  class Member final : public Team {
   public:
    int threads() const override { return 1; }
    void run(int64_t units, int64_t grain, Body body, void* context) override;
    void* scratch(int, int slot, size_t bytes) override { return memory_.get(slot, bytes); }

   private:
    Scratch memory_;
  };

  int threads_ = 0;
  std::vector<std::unique_ptr<Member>> members_;
};

// Bytes of scratch memory held by all teams.
int64_t scratch_bytes();

}  // namespace steepest
