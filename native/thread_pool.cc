#include "thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>

#if !defined(_WIN32)
#include <csignal>
#endif

namespace steepest {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kSpin = std::chrono::microseconds(40);  // about what it costs to sleep and be woken

std::atomic<int64_t> held_scratch{0};

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Looks at `done` for a while; false where it did not come true.
template <class F>
bool spin_until(F&& done) {
  const auto start = Clock::now();
  do {
    for (int i = 0; i < 64; i++) {
      if (done()) return true;
      pause();
    }
  } while (Clock::now() - start < kSpin);
  return false;
}

void in_blocks(int64_t units, int64_t grain, Team::Body body, void* context) {
  for (int64_t begin = 0; begin < units; begin += grain) body(context, begin, std::min(units - begin, grain) + begin, 0);
}

class ThreadPool {
 public:
  static ThreadPool& instance() {
    static auto* pool = new ThreadPool;  // never destroyed: its threads live until the process ends
    return *pool;
  }

  void run(int threads, int64_t units, int64_t grain, Team::Body body, void* context) {
    const int64_t blocks = units / grain + (units % grain != 0);
    const int wanted = static_cast<int>(std::min<int64_t>(threads, blocks)) - 1;
    std::unique_lock<std::mutex> owner(owner_, std::defer_lock);
    if (wanted <= 0 || !owner.try_lock()) return in_blocks(units, grain, body, context);
    const int workers = hire(wanted);
    if (workers == 0) return in_blocks(units, grain, body, context);

    body_ = body;
    context_ = context;
    units_ = units;
    grain_ = grain;
    for (int i = 0; i <= workers; i++) {
      Share& share = shares_[static_cast<size_t>(i)];
      share.next.store(blocks * i / (workers + 1), std::memory_order_relaxed);
      share.end = blocks * (i + 1) / (workers + 1);
    }
    team_ = workers + 1;
    left_.store(0, std::memory_order_relaxed);
    failed_.store(false, std::memory_order_relaxed);
    open(workers);
    work(0);
    wait_for(close());
    if (failed_.load(std::memory_order_relaxed)) {
      std::exception_ptr error;
      error.swap(error_);
      std::rethrow_exception(error);
    }
  }

 private:
  struct Worker {
    std::mutex mutex;
    std::condition_variable wake;
    std::atomic<bool> asleep{false};
  };

  // The blocks [next, end) that one thread takes first.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
  };

  // door_: the region's number (upper 32 bits), whether it is closed (1), how many workers it wants (15), how many came in (16).
  static constexpr uint64_t kClosed = uint64_t{1} << 31;
  static uint32_t number(uint64_t door) { return static_cast<uint32_t>(door >> 32); }
  static int limit(uint64_t door) { return static_cast<int>(door >> 16 & 0x7fff); }
  static int entered(uint64_t door) { return static_cast<int>(door & 0xffff); }

  // Has at least `wanted` workers, if the system gives them; the number there are to use.
  int hire(int wanted) {
    while (static_cast<int>(workers_.size()) < wanted) {
      const int index = static_cast<int>(workers_.size()) + 1;
      try {
        workers_.push_back(std::make_unique<Worker>());
        while (shares_.size() <= workers_.size()) shares_.emplace_back();
        Worker* worker = workers_.back().get();
#if !defined(_WIN32)
        sigset_t all, before;  // signals are for Node's own threads
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
#endif
        std::exception_ptr error;
        try {
          std::thread([this, worker, index, seen = number(door_.load())] { serve(*worker, index, seen); }).detach();
        } catch (...) {
          error = std::current_exception();
        }
#if !defined(_WIN32)
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
#endif
        if (error) std::rethrow_exception(error);
      } catch (const std::exception&) {
        if (static_cast<int>(workers_.size()) == index) workers_.pop_back();
        break;
      }
    }
    return std::min(wanted, static_cast<int>(workers_.size()));
  }

  void open(int workers) {
    const uint64_t door = door_.load(std::memory_order_relaxed);
    door_.store((static_cast<uint64_t>(number(door) + 1) << 32) | (static_cast<uint64_t>(workers) << 16));
    for (int i = 0; i < workers; i++) {
      Worker& worker = *workers_[static_cast<size_t>(i)];
      if (!worker.asleep.load()) continue;
      std::lock_guard<std::mutex> lock(worker.mutex);
      worker.wake.notify_one();
    }
  }

  // Lets no more workers in; the number of those that came.
  int close() {
    uint64_t door = door_.load(std::memory_order_relaxed);
    while (!door_.compare_exchange_weak(door, door | kClosed)) {
    }
    return entered(door);
  }

  bool enter(int index, uint64_t door) {
    const uint32_t region = number(door);
    while (number(door) == region && !(door & kClosed) && index <= limit(door))
      if (door_.compare_exchange_weak(door, door + 1)) return true;
    return false;
  }

  void wait_for(int workers) {
    if (spin_until([&] { return left_.load(std::memory_order_acquire) == workers; })) return;
    std::unique_lock<std::mutex> lock(done_mutex_);
    waiting_ = true;
    done_.wait(lock, [&] { return left_.load() == workers; });
    waiting_ = false;
  }

  void leave() {
    left_.fetch_add(1);
    if (!waiting_.load()) return;
    std::lock_guard<std::mutex> lock(done_mutex_);
    done_.notify_one();
  }

  void work(int thread) {
    try {
      for (int i = 0; i < team_; i++) {
        Share& share = shares_[static_cast<size_t>((thread + i) % team_)];
        for (;;) {
          const int64_t block = share.next.fetch_add(1, std::memory_order_relaxed);
          if (block >= share.end) break;
          const int64_t begin = block * grain_;
          body_(context_, begin, begin + std::min(grain_, units_ - begin), thread);
        }
      }
    } catch (...) {
      for (Share& share : shares_) share.next.store(share.end, std::memory_order_relaxed);  // no more blocks
      if (!failed_.exchange(true)) error_ = std::current_exception();
    }
  }

  [[noreturn]] void serve(Worker& worker, int index, uint32_t seen) {
    for (bool wanted = true;;) {
      const auto news = [&] { return number(door_.load()) != seen; };
      if (!wanted || !spin_until(news)) {
        std::unique_lock<std::mutex> lock(worker.mutex);
        worker.asleep = true;
        worker.wake.wait(lock, news);
        worker.asleep = false;
      }
      const uint64_t door = door_.load();
      seen = number(door);
      wanted = index <= limit(door);
      if (!enter(index, door)) continue;
      work(index);
      leave();
    }
  }

  std::mutex owner_;
  std::vector<std::unique_ptr<Worker>> workers_;  // worker i is thread i + 1
  std::atomic<uint64_t> door_{0};

  // The region under way; written before the door opens, read by those who came in.
  Team::Body body_ = nullptr;
  void* context_ = nullptr;
  int64_t units_ = 0, grain_ = 1;
  int team_ = 1;
  std::deque<Share> shares_;  // one a thread
  alignas(64) std::atomic<int> left_{0};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;

  std::atomic<bool> waiting_{false};
  std::mutex done_mutex_;
  std::condition_variable done_;
};

}  // namespace

Scratch::~Scratch() {
  for (auto& slot : slots_) {
    std::free(slot.data);
    held_scratch -= static_cast<int64_t>(slot.bytes);
  }
}

void* Scratch::get(int slot, size_t bytes) {
  auto& s = slots_[slot];
  if (bytes <= s.bytes && s.data != nullptr) return s.data;
  if (bytes > SIZE_MAX / 2) throw std::bad_alloc();
  std::free(s.data);
  held_scratch -= static_cast<int64_t>(s.bytes);
  s.bytes = 0;
  const size_t rounded = (bytes + 4095) / 4096 * 4096 + (bytes == 0 ? 4096 : 0);
  s.data = std::aligned_alloc(64, rounded);
  if (s.data == nullptr) throw std::bad_alloc();
  s.bytes = rounded;
  held_scratch += static_cast<int64_t>(rounded);
  return s.data;
}

int64_t scratch_bytes() { return held_scratch; }

void PoolTeam::resize(int threads) {
  threads = std::max(1, std::min(threads, kMaxThreads));
  while (static_cast<int>(members_.size()) < threads) members_.push_back(std::make_unique<Member>());
  threads_ = threads;
}

void PoolTeam::run(int64_t units, int64_t grain, Body body, void* context) {
  if (units <= 0) return;
  ThreadPool::instance().run(threads_, units, std::max<int64_t>(grain, 1), body, context);
}

void PoolTeam::Member::run(int64_t units, int64_t grain, Body body, void* context) {
  in_blocks(units, std::max<int64_t>(grain, 1), body, context);
}

}  // namespace steepest
