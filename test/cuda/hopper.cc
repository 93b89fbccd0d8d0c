// Checks of cuda/hopper on the host: `hopper NAME` prints how many comparisons it made, or the first that failed.
#include "gemm.cu"
#include "hopper/gemm.cu"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "check.h"
#include "shim/fibers.h"

using namespace steepest;
using namespace steepest::cuda;

namespace {

// Scratch is full of NaN. blocks: at most, of hopper_product, so that each has several tiles.
class HostStream final : public Stream {
 public:
  explicit HostStream(Arithmetic kind, int64_t blocks) : blocks_(blocks) { arithmetic = kind, hopper = true; }
  void* scratch(int slot, size_t bytes) override {
    memory_[slot].reset(std::aligned_alloc(256, (bytes + 511) / 256 * 256));
    std::memset(memory_[slot].get(), 0xff, bytes);
    return memory_[slot].get();
  }
  TensorMap tensor_map(const void* from, int64_t lines, int64_t bytes, int box) override { return shim::tensor_map(from, lines, bytes, box); }

 private:
  void add(const Launch& l) override {
    Grid grid = l.grid;
    if (l.threads == kHopperThreads) grid.x = least(grid.x, blocks_);
    shim::run_grid(grid, l.threads, l.shared, l.run, l.kernel, l.params);
  }
  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::unique_ptr<void, Free> memory_[kSlots];
  int64_t blocks_;
};

// Numbers at 16 bytes, or one behind.
class Numbers {
 public:
  Numbers(int64_t size, bool aligned) : memory_(static_cast<float*>(std::aligned_alloc(256, static_cast<size_t>(size * 4 + 527) / 256 * 256))) {
    at_ = memory_.get() + (aligned ? 0 : 1);
  }
  float* data() { return at_; }
  float& operator[](int64_t i) { return at_[i]; }

 private:
  struct Free {
    void operator()(float* p) const { std::free(p); }
  };
  std::unique_ptr<float, Free> memory_;
  float* at_;
};

uint64_t drawn = 88172645463325252u;
uint64_t draw() {
  drawn ^= drawn << 13, drawn ^= drawn >> 7, drawn ^= drawn << 17;
  return drawn;
}

float rounded(Arithmetic kind, float x) {
  return __uint_as_float(kind == Arithmetic::kTf32 ? shim::to_tf32(x) : shim::to_bf16(x) << 16);
}

// ---- operands ----

template <Arithmetic Kind>
void check_rounding(int64_t lines, int64_t depth, bool along, bool aligned) {
  const int64_t slices = ceil_div(depth, slice_depth(Kind)), size = lines * slices * 8;
  Numbers x(lines * depth, aligned);
  for (int64_t i = 0; i < lines * depth; i++) {
    const auto word = static_cast<unsigned>(draw());  // of any size; infinities and NaN are among them
    x[i] = draw() % 50 == 0 ? INFINITY : __uint_as_float(word);
  }
  std::vector<uint4> to(static_cast<size_t>(2 * size + 1), uint4{7, 7, 7, 7});  // of two operands
  const bool wide = (along ? depth : lines) % 4 == 0 && aligned;
  const RoundedOperand a{x.data(), to.data(), lines, depth, slices, along, wide}, b{x.data(), to.data() + size, lines, depth, slices, along, wide};
  HostStream stream(Kind, 1);
  const int64_t blocks = rounding_blocks(a);
  stream.launch(&hopper_round<Kind>, {2 * blocks}, kRoundingThreads, Rounding{a, b, blocks}, sizeof(RoundingShared<Kind>));
  for (int64_t i = 0; i < 2 * lines; i++)
    for (int64_t k = 0; k < slices * slice_depth(Kind); k++) {
      const int64_t at = i * slices * slice_depth(Kind) + k, line = i % lines;
      const unsigned word = reinterpret_cast<const unsigned*>(to.data())[Kind == Arithmetic::kTf32 ? at : at / 2];
      const unsigned bits = Kind == Arithmetic::kTf32 ? word : (at % 2 == 0 ? word : word >> 16) << 16;
      const float wanted = k < depth ? rounded(Kind, x[along ? line * depth + k : k * lines + line]) : 0.0f;
      same("rounded", __uint_as_float(bits), wanted, {lines, depth, along, aligned, i, k});
    }
  same("behind the end", to.back().x, 7, {lines, depth});
}

void operands() {
  for (const int64_t lines : {1, 4, 63, 64, 70, 132})
    for (const int64_t depth : {1, 4, 31, 32, 64, 65, 100, 160})
      for (const bool along : {false, true})
        for (const bool aligned : {false, true}) {
          check_rounding<Arithmetic::kTf32>(lines, depth, along, aligned);
          check_rounding<Arithmetic::kBf16>(lines, depth, along, aligned);
        }
}

// ---- places ----

void places() {
  // Every sum once; a thread's come in pairs of neighbours.
  for (const int columns : {128, 256}) {
    std::set<int> met;
    for (int thread = 0; thread < 128; thread++)
      for (int i = 0; i < columns / 2; i++) {
        const SumPlace place = sum_place(thread, i);
        same("inside", place.row >= 0 && place.row < 64 && place.column >= 0 && place.column < columns, true, {thread, i});
        same("once", met.insert(place.row * columns + place.column).second, true, {thread, i});
        same("a warp's row", place.row / 16, thread / 32, {thread, i});
        if (i % 2 == 1) same("a pair", place.column - 1, sum_place(thread, i - 1).column, {thread, i});
      }
  }
  // Writes of 8 bytes by half a warp: all 32 banks.
  for (int i = 0; i < 128; i += 2)
    for (const int half : {0, 16}) {
      std::set<int> banks;
      for (int lane = half; lane < half + 16; lane++) banks.insert((sum_place(lane, i).row * kHandedPitch + sum_place(lane, i).column) % 32);
      same("banks", static_cast<double>(banks.size()), 16, {i, half});
    }
  // An example by hand: lines at 0x1c400, 1024 bytes between patterns.
  same("a descriptor", line_descriptor(0x1c400) == 0x4000004000011c40u, true, {});
  same("the last place", (line_descriptor((227 << 10) - 32) & 0x3fff) * 16, (227 << 10) - 32, {});
  same("a step on", line_descriptor(0x1c400) + descriptor_offset(96) == line_descriptor(0x1c460), true, {});
  same("a place on", line_descriptor(0x400) + descriptor_offset(3 * 32768) == line_descriptor(0x400 + 3 * 32768), true, {});
  // What a warp of hopper_round reads at once stands in 32 banks.
  for (int warp = 0; warp < 8; warp++)
    for (int j = 0; j < 8; j++) {
      std::set<int> bf16, tf32;
      for (int lane = 0; lane < 32; lane++) {
        bf16.insert(rounding_place<Arithmetic::kBf16>(warp * 4 + lane / 8, lane % 8 * 8 + j) % 32);
        tf32.insert(rounding_place<Arithmetic::kTf32>(warp * 4 + lane / 8, lane % 8 * 4 + j % 4) % 32);
      }
      same("banks", static_cast<double>(bf16.size() + tf32.size()), 64, {warp, j});
    }
}

// Each place of a ring is filled once a round, and the phases that are waited for are those of the barriers.
void ring() {
  Ring<4> ring;
  int ended[4] = {};
  for (int slice = 0; slice < 100; slice++, ring.next()) {
    same("a place", ring.stage, slice % 4, {slice});
    same("full", ring.round, ended[ring.stage]++ % 2, {slice});
  }
}

void order() {
  for (const int rows : {1, 2, 9, 40})
    for (const int columns : {1, 7, 8, 9, 33})
      for (const int together : {1, 8, 16}) {
        std::set<int> met;
        for (int i = 0; i < rows * columns; i++) {
          const TilePlace at = tile_place(i, rows, columns, together);
          same("inside", at.row >= 0 && at.row < rows && at.column >= 0 && at.column < columns, true, {rows, columns, together, i});
          same("once", met.insert(at.row * columns + at.column).second, true, {rows, columns, together, i});
          same("the strip", at.column / together, i / (rows * together), {rows, columns, together, i});
        }
      }
}

void choice() {
  same("few tiles", hopper_tile(1024, 1024, 4096), 0, {});
  same("half of the device", hopper_tile(1024, 1152, 4096), 128, {});
  same("one wave of wide ones", hopper_tile(2048, 2048, 4096), 256, {});
  same("many", hopper_tile(8192, 8192, 8192), 256, {});
  same("one column of tiles", hopper_tile(1 << 20, 100, 1000), 128, {});
  same("small depth", hopper_tile(8192, 8192, 64), 0, {});
  same("nothing", hopper_tile(0, 8192, 1000) + hopper_tile(8192, 0, 1000) + hopper_tile(8192, 8192, 0), 0, {});
  same("too large", hopper_tile(int64_t{1} << 31, 8192, 1000), 0, {});
  gemm_args a = {};
  a.m = a.n = a.k = 8192;
  for (const Arithmetic kind : {Arithmetic::kFull, Arithmetic::kTf32, Arithmetic::kBf16}) {
    HostStream stream(kind, 1);
    same("arithmetic", hopper_columns(a, stream), kind == Arithmetic::kFull ? 0 : 256, {static_cast<int>(kind)});
    stream.hopper = false;
    same("another device", hopper_columns(a, stream), 0, {static_cast<int>(kind)});
  }
}

// gemm takes the way that hopper_columns says: two launches, the second of hopper_product.
struct Watcher final : Stream {
  void* scratch(int, size_t) override { return nullptr; }
  TensorMap tensor_map(const void*, int64_t, int64_t, int) override { return {}; }
  void add(const Launch& l) override { launches++, hopper_launches += l.threads == kHopperThreads && l.grid.x == kHopperBlocks; }
  int launches = 0, hopper_launches = 0;
};

void ways() {
  for (const int transposes : {0, 1, 2, 3})
    for (const int64_t size : {256, 4096})
      for (const Arithmetic kind : {Arithmetic::kFull, Arithmetic::kTf32, Arithmetic::kBf16})
        for (const bool asked : {false, true}) {
          Watcher stream;
          stream.arithmetic = kind, stream.hopper = asked;
          gemm_args a = {};
          a.m = a.n = a.k = size, a.transposeA = transposes & 1, a.transposeB = transposes >> 1;
          gemm(a, stream);
          const bool so = asked && size == 4096 && kind != Arithmetic::kFull;
          same("by Hopper's own instructions", stream.hopper_launches, so, {transposes, size, static_cast<int>(kind), asked});
          if (so) same("launches", stream.launches, 2, {transposes});
        }
}

// ---- whole products, by whole numbers, so that sums are exact in any order ----

void check_product(Arithmetic kind, int tile, int64_t m, int64_t n, int64_t k, int transposes, int64_t blocks, bool aligned) {
  Numbers a(m * k, aligned), b(k * n, aligned), c(m * n, aligned), bias(n, aligned);
  for (int64_t i = 0; i < m * k; i++) a[i] = static_cast<float>(draw() % 17) - 8;
  for (int64_t i = 0; i < k * n; i++) b[i] = static_cast<float>(draw() % 17) - 8;
  for (int64_t i = 0; i < n; i++) bias[i] = static_cast<float>(draw() % 100);
  std::vector<float> old(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m * n; i++) c[i] = old[static_cast<size_t>(i)] = static_cast<float>(draw() % 100);
  const bool more = draw() % 2 == 0;
  gemm_args args = {};
  args.a = a.data(), args.b = b.data(), args.c = c.data(), args.bias = more ? bias.data() : nullptr;
  args.m = m, args.n = n, args.k = k, args.transposeA = transposes & 1, args.transposeB = transposes >> 1;
  args.accumulate = args.relu = more;
  HostStream stream(kind, blocks);
  hopper_gemm(args, tile, stream);
  std::vector<float> column(static_cast<size_t>(k));
  for (int64_t j = 0; j < n; j++) {
    for (int64_t p = 0; p < k; p++) column[static_cast<size_t>(p)] = b[args.transposeB ? j * k + p : p * n + j];
    for (int64_t i = 0; i < m; i++) {
      float sum = more ? old[static_cast<size_t>(i * n + j)] + bias[j] : 0;
      for (int64_t p = 0; p < k; p++) sum += a[args.transposeA ? p * m + i : i * k + p] * column[static_cast<size_t>(p)];
      same("c", c[i * n + j], more && sum < 0 ? 0 : sum, {static_cast<int>(kind), tile, m, n, k, transposes, i, j});
    }
  }
}

void products() {
  for (const Arithmetic kind : {Arithmetic::kTf32, Arithmetic::kBf16})
    for (const int tile : {128, 256})
      for (int transposes = 0; transposes < 4; transposes++) {
        check_product(kind, tile, 1, 1, 1, transposes, 132, true);
        check_product(kind, tile, 128, 256, 64, transposes, 132, true);
        check_product(kind, tile, 133, 270, 70, transposes, 132, false);  // edges everywhere
        check_product(kind, tile, 260, 516, 76, transposes, 2, true);     // several tiles a block
        check_product(kind, tile, 200, 300, 530, transposes, 3, true);    // several rounds of the ring
      }
}

}  // namespace

int main(int, char** arguments) {
  const struct {
    const char* name;
    void (*run)();
  } checks[] = {{"operands", operands}, {"places", places}, {"ring", ring},        {"order", order},
                {"choice", choice},     {"ways", ways},     {"products", products}};
  for (const auto& check : checks)
    if (std::strcmp(check.name, arguments[1]) == 0) check.run();
  std::printf("%lld\n", static_cast<long long>(compared));
}
