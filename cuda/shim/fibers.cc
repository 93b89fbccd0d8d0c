#include "fibers.h"

#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

#include "hopper.h"
#include "shim.h"

namespace steepest {
namespace shim {

dim3 thread_index, block_index, block_size, grid_size;

namespace {

constexpr size_t kStack = 128 << 10;
constexpr size_t kMostShared = 227 << 10;  // of an H100
constexpr int kMostThreads = 1024;
constexpr unsigned kFirstAddress = 128;  // of shared memory

// ---- switching stacks: what a function must keep is pushed, the stacks change places, and it is popped from the other one ----

#if defined(__x86_64__)
extern "C" void steepest_switch(void** from, void* to);
__asm__(R"(
.text
.p2align 4
.type steepest_switch,@function
steepest_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size steepest_switch,.-steepest_switch
)");
constexpr int kKept = 6;
#else
#error "the shim switches stacks of x86-64 only"
#endif

enum class State : uint8_t { kReady, kBarrier, kExchange, kCondition, kDone };

struct Copy {
  void* to;
  const void* from;
  int bytes;
  bool valid;
};

struct Fiber {
  void* stack = nullptr;  // where it stands
  State state = State::kDone;
  std::vector<std::vector<Copy>> groups;  // committed
  std::vector<Copy> open;
  bool (*passed)(const void*, unsigned) = nullptr;  // what it waits for
  const void* what = nullptr;
  unsigned number = 0;
  std::vector<std::function<void()>> work;  // of its own, from work[done] on still to do
  size_t done = 0;
  std::vector<size_t> commits;  // ends of groups of it

  void catch_up(size_t end) {
    for (; done < end; done++) work[done]();
  }
};

struct Warp {
  alignas(64) char slots[2][32 * kExchange];
  int arrived = 0;
  int parity = 0;
};

// Numbers to draw orders with (xorshift; the same in each process).
struct Dice {
  uint64_t state = 88172645463325252u;
  uint64_t roll(uint64_t sides) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % sides;
  }
  template <class T>
  void shuffle(std::vector<T>& items) {
    for (size_t i = items.size(); i > 1; i--) std::swap(items[i - 1], items[roll(i)]);
  }
};

class Block {
 public:
  Block() : stacks_(static_cast<char*>(std::aligned_alloc(64, kStack * kMostThreads))), shared_(static_cast<char*>(std::aligned_alloc(1024, 256 << 10))), fibers_(kMostThreads), warps_(kMostThreads / 32) {
    if (stacks_ == nullptr || shared_ == nullptr) throw std::bad_alloc();
  }

  void begin(int threads, size_t shared, void (*run)(const void*, const void*), const void* kernel, const void* params) {
    threads_ = threads;
    shared_bytes_ = shared;
    run_ = run;
    kernel_ = kernel;
    params_ = params;
  }

  void run() {
    std::memset(shared_, 0xff, shared_bytes_ + 256);
    done_ = waiting_ = 0;
    ready_.clear();
    for (int i = 0; i < threads_; i++) prepare(i);
    for (Warp& warp : warps_) warp.arrived = warp.parity = 0;
    pending_.clear();
    while (done_ < threads_) {
      for (look_at_conditions(); ready_.empty(); look_at_conditions()) do_some_work();
      dice_.shuffle(ready_);
      turn_.swap(ready_);
      ready_.clear();
      for (int i : turn_) resume(i);
    }
    if (!pending_.empty()) throw std::runtime_error("a block ends while copies to its shared memory are under way");
    for (size_t i = shared_bytes_; i < shared_bytes_ + 256; i++)
      if (static_cast<unsigned char>(shared_[i]) != 0xff) throw std::runtime_error("a block wrote behind its shared memory");
  }

  void* shared(size_t bytes) const {
    if (bytes > shared_bytes_) fail("a block uses " + std::to_string(bytes) + " bytes of shared memory but has " + std::to_string(shared_bytes_));
    return shared_;
  }

  void barrier() {
    if (++waiting_ == threads_) {
      waiting_ = 0;
      for (int i = 0; i < threads_; i++)
        if (fibers_[static_cast<size_t>(i)].state == State::kBarrier) ready(i);
      ready(current_);
    } else {
      fibers_[static_cast<size_t>(current_)].state = State::kBarrier;
    }
    leave();
  }

  const char* exchange(const void* mine, int bytes) {
    const int index = current_ / 32;
    Warp& warp = warps_[static_cast<size_t>(index)];
    char* slots = warp.slots[warp.parity];
    if (bytes > 0) std::memcpy(slots + current_ % 32 * kExchange, mine, static_cast<size_t>(bytes));
    if (++warp.arrived == 32) {
      warp.arrived = 0;
      warp.parity ^= 1;
      for (int i = index * 32; i < index * 32 + 32; i++)
        if (fibers_[static_cast<size_t>(i)].state == State::kExchange) ready(i);
      ready(current_);
    } else {
      fibers_[static_cast<size_t>(current_)].state = State::kExchange;
    }
    leave();
    return slots;
  }

  unsigned shared_address(const void* place) const {
    const auto at = static_cast<const char*>(place) - shared_;
    if (at < 0 || static_cast<size_t>(at) > shared_bytes_) fail("an address is not in shared memory");
    return static_cast<unsigned>(at) + kFirstAddress;
  }
  char* shared_at(unsigned address, int bytes) const {
    if (address < kFirstAddress || address - kFirstAddress + static_cast<unsigned>(bytes) > shared_bytes_) fail("an address is not in shared memory");
    return shared_ + (address - kFirstAddress);
  }

  void wait_until(bool (*passed)(const void*, unsigned), const void* what, unsigned number) {
    Fiber& fiber = current();
    fiber.passed = passed;
    fiber.what = what;
    fiber.number = number;
    fiber.state = State::kCondition;
    leave();
  }
  void some_time(std::function<void()> work) {
    if (dice_.roll(2) == 0) return work();
    pending_.push_back(std::move(work));
  }

  Fiber& current() { return fibers_[static_cast<size_t>(current_)]; }
  Dice& dice() { return dice_; }
  bool running() const { return running_; }
  // An error of the fiber that runs: thrown where the launch was made.
  [[noreturn]] void fail(const std::string& why) const {
    if (!running_) throw std::runtime_error(why);
    failure_ = why;
    leave();
    std::abort();  // never resumed
  }

 private:
  static void enter() {
    Block& b = *instance;
    b.run_(b.kernel_, b.params_);
    b.current().state = State::kDone;
    b.done_++;
    b.leave();
    std::abort();  // never resumed
  }

  void prepare(int i) {
    Fiber& fiber = fibers_[static_cast<size_t>(i)];
    fiber.groups.clear();
    fiber.open.clear();
    fiber.work.clear();
    fiber.commits.clear();
    fiber.done = 0;
    void** top = reinterpret_cast<void**>(stacks_ + kStack * (static_cast<size_t>(i) + 1)) - 2;
    *top = reinterpret_cast<void*>(&Block::enter);  // after its `ret` the stack stands at 8 mod 16, as after a call
    fiber.stack = top - kKept;
    for (int k = 1; k <= kKept; k++) top[-k] = nullptr;
    ready(i);
  }

  void ready(int i) {
    fibers_[static_cast<size_t>(i)].state = State::kReady;
    ready_.push_back(i);
  }

  void resume(int i) {
    current_ = i;
    thread_index.x = static_cast<unsigned>(i);
    running_ = true;
    steepest_switch(&scheduler_, fibers_[static_cast<size_t>(i)].stack);
    running_ = false;
    if (!failure_.empty()) {
      const std::string why = std::move(failure_);
      failure_.clear();
      throw std::runtime_error(why);
    }
  }

  void do_some_work() {
    if (pending_.empty()) throw std::runtime_error(stuck());
    std::swap(pending_[dice_.roll(pending_.size())], pending_.back());
    const std::function<void()> work = std::move(pending_.back());
    pending_.pop_back();
    work();
  }

  void look_at_conditions() {
    for (int i = 0; i < threads_; i++) {
      const Fiber& fiber = fibers_[static_cast<size_t>(i)];
      if (fiber.state == State::kCondition && fiber.passed(fiber.what, fiber.number)) ready(i);
    }
  }

  void leave() const { steepest_switch(&const_cast<Block*>(this)->fibers_[static_cast<size_t>(current_)].stack, scheduler_); }

  std::string stuck() const {
    int barrier = 0, exchange = 0, condition = 0;
    for (int i = 0; i < threads_; i++) {
      barrier += fibers_[static_cast<size_t>(i)].state == State::kBarrier;
      exchange += fibers_[static_cast<size_t>(i)].state == State::kExchange;
      condition += fibers_[static_cast<size_t>(i)].state == State::kCondition;
    }
    return "a block of " + std::to_string(threads_) + " threads hangs: " + std::to_string(barrier) + " wait at a barrier, " + std::to_string(exchange) +
           " at a shuffle, " + (condition == 0 ? "" : std::to_string(condition) + " at a memory barrier, ") + std::to_string(done_) + " have left";
  }

  char* stacks_;
  char* shared_;
  std::vector<Fiber> fibers_;
  std::vector<Warp> warps_;
  std::vector<int> ready_, turn_;
  std::vector<std::function<void()>> pending_;
  int threads_ = 0, done_ = 0, waiting_ = 0, current_ = 0;
  size_t shared_bytes_ = 0;
  void (*run_)(const void*, const void*) = nullptr;
  const void* kernel_ = nullptr;
  const void* params_ = nullptr;
  void* scheduler_ = nullptr;
  bool running_ = false;
  mutable std::string failure_;
  Dice dice_;

 public:
  static Block* instance;
};

Block* Block::instance = nullptr;

void perform(const std::vector<Copy>& copies) {
  for (const Copy& copy : copies) {
    if (copy.valid) std::memcpy(copy.to, copy.from, static_cast<size_t>(copy.bytes));
    else std::memset(copy.to, 0, static_cast<size_t>(copy.bytes));
  }
}

}  // namespace

// ---- what the compiler's own checks call (-fsanitize=alignment,bounds); their first argument begins with the place in the source ----

struct Place {
  const char* file;
  uint32_t line, column;
};

static void found(const std::string& what, const Place* place) {
  const std::string why = what + " at " + place->file + ":" + std::to_string(place->line);
  if (Block::instance == nullptr || !Block::instance->running()) throw std::runtime_error(why);
  Block::instance->fail(why);
}
extern "C" void __ubsan_handle_type_mismatch_v1(const Place* place, uintptr_t) { found("an access is not aligned", place); }
extern "C" void __ubsan_handle_out_of_bounds(const Place* place, uintptr_t index) {
  found("index " + std::to_string(static_cast<int64_t>(index)) + " is outside its array", place);
}

void* shared_memory(size_t bytes) { return Block::instance->shared(bytes); }
void barrier() { Block::instance->barrier(); }
const char* exchange(const void* mine, int bytes) { return Block::instance->exchange(mine, bytes); }

void copy_async(void* shared, const void* source, int bytes, bool valid) {
  const auto misaligned = [bytes](const void* p) { return reinterpret_cast<uintptr_t>(p) % static_cast<uintptr_t>(bytes) != 0; };
  if (misaligned(shared) || (valid && misaligned(source))) Block::instance->fail("copy_async of " + std::to_string(bytes) + " bytes is not aligned");
  Block::instance->current().open.push_back({shared, source, bytes, valid});
}

void copy_commit() {
  Fiber& fiber = Block::instance->current();
  fiber.groups.push_back(std::move(fiber.open));
  fiber.open.clear();
}

void copy_wait(int groups) {
  std::vector<std::vector<Copy>>& waiting = Block::instance->current().groups;
  size_t due = waiting.size() > static_cast<size_t>(groups) ? waiting.size() - static_cast<size_t>(groups) : 0;
  for (size_t i = 0; i < due; i++) perform(waiting[i]);
  waiting.erase(waiting.begin(), waiting.begin() + static_cast<std::ptrdiff_t>(due));
}

unsigned shared_address(const void* place) { return Block::instance->shared_address(place); }
char* shared_at(unsigned address, int bytes) { return Block::instance->shared_at(address, bytes); }
void fail(const std::string& why) { Block::instance->fail(why); }
void wait_until(bool (*passed)(const void*, unsigned), const void* what, unsigned number) { Block::instance->wait_until(passed, what, number); }
void some_time(std::function<void()> work) { Block::instance->some_time(std::move(work)); }

void later(std::function<void()> work) {
  Fiber& fiber = Block::instance->current();
  fiber.work.push_back(std::move(work));
  if (Block::instance->dice().roll(2) == 0) fiber.catch_up(fiber.work.size());
}

void multiply_commit() {
  Fiber& fiber = Block::instance->current();
  fiber.commits.push_back(fiber.work.size());
}

void multiply_wait(int groups) {
  Fiber& fiber = Block::instance->current();
  const size_t wanted = static_cast<size_t>(groups);
  if (fiber.commits.size() > wanted) fiber.catch_up(fiber.commits[fiber.commits.size() - 1 - wanted]);
}

void run_grid(const cuda::Grid& grid, int threads, size_t shared, void (*run)(const void* kernel, const void* params), const void* kernel,
              const void* params) {
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  if (Block::instance == nullptr) Block::instance = new Block;  // kept
  if (threads < 32 || threads > kMostThreads || threads % 32 != 0) throw std::runtime_error("blocks of " + std::to_string(threads) + " threads");
  if (shared > kMostShared) throw std::runtime_error(std::to_string(shared) + " bytes of shared memory");
  if (grid.x > 2147483647 || grid.y > 65535 || grid.z > 65535) throw std::runtime_error("the grid is out of range");
  block_size = {static_cast<unsigned>(threads), 1, 1};
  grid_size = {static_cast<unsigned>(grid.x), static_cast<unsigned>(grid.y), static_cast<unsigned>(grid.z)};
  Block& block = *Block::instance;
  std::vector<int64_t> order(static_cast<size_t>(grid.x * grid.y * grid.z));
  for (size_t i = 0; i < order.size(); i++) order[i] = static_cast<int64_t>(i);
  block.dice().shuffle(order);
  block.begin(threads, shared, run, kernel, params);
  for (int64_t i : order) {
    block_index = {static_cast<unsigned>(i % grid.x), static_cast<unsigned>(i / grid.x % grid.y), static_cast<unsigned>(i / grid.x / grid.y)};
    block.run();
  }
}

}  // namespace shim
}  // namespace steepest
