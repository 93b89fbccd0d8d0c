// Checks of cuda/product.cuh on the host: `product NAME` prints how many comparisons it made, or the first that failed.
#include "product.cuh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <vector>

#include "check.h"
#include "shim/fibers.h"

using namespace steepest;
using namespace steepest::cuda;

namespace {

class HostStream final : public Stream {
 public:
  ~HostStream() override { std::free(memory_); }
  void* scratch(int, size_t bytes) override {
    std::free(memory_);
    memory_ = std::aligned_alloc(256, (bytes + 511) / 256 * 256);
    std::memset(memory_, 0xff, bytes);
    return memory_;
  }

 private:
  void add(const Launch& l) override { shim::run_grid(l.grid, l.threads, l.shared, l.run, l.kernel, l.params); }
  void* memory_ = nullptr;
};

// x[lines, depth] along depth, x[depth, lines] across; extents that groups of four run along are filled up to multiples of 4 with NaN.
template <bool Along, int Vector>
struct Operand {
  static constexpr bool kAlongDepth = Along;
  static constexpr int kVector = Vector;
  const float* x;
  int64_t lines, depth, pitch;
  struct Line {
    int64_t i;
  };
  struct Step {
    int64_t k;
  };
  __device__ Line line(int64_t i) const { return {i}; }
  __device__ Step step(int64_t k) const { return {k}; }
  __device__ Place at(const Line& line, const Step& step) const {
    const bool valid = line.i < lines && step.k < depth;
    return {valid ? x + (Along ? line.i * pitch + step.k : step.k * pitch + line.i) : x, valid};
  }
};

// Sums must come once, and where they are said to.
struct Store {
  float* c;
  int64_t rows, columns;
  __device__ void operator()(int64_t row, int64_t column, const float (&sums)[4][4]) const {
    same("multiples of 4", row % 4 + column % 4, 0, {row, column});
    same("inside", row < rows && column < columns, true, {row, column});
    for (int i = 0; i < 4; i++)
      for (int j = 0; j < 4; j++)
        if (row + i < rows && column + j < columns) c[(row + i) * columns + column + j] += sums[i][j];
  }
};

struct Sizes {
  int64_t rows, columns, depth;
};

struct Drawn {
  std::vector<float> a, b;  // a[rows, depth], b[columns, depth]
  Drawn(const Sizes& z, bool whole) : a(static_cast<size_t>(z.rows * z.depth)), b(static_cast<size_t>(z.columns * z.depth)) {
    uint64_t state = 88172645463325252u;
    const auto draw = [&] {
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      return whole ? static_cast<float>(state % 9) - 4 : static_cast<float>(state >> 40) / 8388608.0f - 1;
    };
    for (float& v : a) v = draw();
    for (float& v : b) v = draw();
  }
};

struct Laid {
  float* x;
  int64_t pitch;
};

// 16-byte aligned, or one float off it.
template <bool Along, int Vector>
Laid lay(const std::vector<float>& from, int64_t lines, int64_t depth, std::vector<float>& memory) {
  const int64_t inner = Along ? depth : lines, outer = Along ? lines : depth, pitch = ceil_div(inner, Vector) * Vector;
  memory.assign(static_cast<size_t>(outer * pitch + 8), NAN);
  float* x = memory.data();
  while (reinterpret_cast<uintptr_t>(x) % 16 != (Vector == 4 ? 0 : 4)) x++;
  for (int64_t i = 0; i < lines; i++)
    for (int64_t k = 0; k < depth; k++) x[Along ? i * pitch + k : k * pitch + i] = from[static_cast<size_t>(i * depth + k)];
  return {x, pitch};
}

template <class Tile, bool AlongA, bool AlongB, int Vector>
std::vector<float> multiplied(const Sizes& z, const Drawn& drawn, Arithmetic arithmetic, int64_t parts) {
  std::vector<float> a, b, c(static_cast<size_t>(z.rows * z.columns), 0.0f);
  const Laid la = lay<AlongA, Vector>(drawn.a, z.rows, z.depth, a), lb = lay<AlongB, Vector>(drawn.b, z.columns, z.depth, b);
  using A = Operand<AlongA, Vector>;
  using B = Operand<AlongB, Vector>;
  // A group of four is read whole: what lies behind an end is said to be a number, and makes sums that are not kept, or is 0.
  const auto up = [](int64_t n, bool so) { return so ? ceil_div(n, Vector) * Vector : n; };
  if (Vector == 4)
    for (std::vector<float>* memory : {&a, &b})
      for (float& v : *memory) v = std::isnan(v) ? 0 : v;
  const Product<A, B, Store> p{{la.x, up(z.rows, !AlongA), up(z.depth, AlongA), la.pitch}, {lb.x, up(z.columns, !AlongB), up(z.depth, AlongB), lb.pitch},
                               {c.data(), z.rows, z.columns}, z.rows, z.columns, z.depth};
  HostStream stream;
  stream.arithmetic = arithmetic;
  launch_product<Tile>(stream, p, parts);
  return c;
}

template <class Tile, bool AlongA, bool AlongB, int Vector>
void check(const Sizes& z, int64_t parts) {
  const Drawn whole(z, true), real(z, false);
  static std::vector<float> first[3];  // of the tile and order that came first
  static Sizes of{};
  if (of.rows != z.rows || of.columns != z.columns || of.depth != z.depth)
    for (std::vector<float>& f : first) f.clear();
  of = z;
  for (const Arithmetic arithmetic : {Arithmetic::kFull, Arithmetic::kTf32, Arithmetic::kBf16}) {
    const std::vector<float> c = multiplied<Tile, AlongA, AlongB, Vector>(z, whole, arithmetic, parts);
    for (int64_t i = 0; i < z.rows; i++)
      for (int64_t j = 0; j < z.columns; j++) {
        double sum = 0;
        for (int64_t k = 0; k < z.depth; k++) sum += whole.a[static_cast<size_t>(i * z.depth + k)] * whole.b[static_cast<size_t>(j * z.depth + k)];
        same("sum", c[static_cast<size_t>(i * z.columns + j)], sum,
             {static_cast<int64_t>(arithmetic), Tile::kRows, Tile::kColumns, AlongA, AlongB, Vector, z.rows, z.columns, z.depth, parts, i, j});
      }
    if (parts > 1) continue;
    std::vector<float>& wanted = first[static_cast<int>(arithmetic)];
    const std::vector<float> bits = multiplied<Tile, AlongA, AlongB, Vector>(z, real, arithmetic, 1);
    if (wanted.empty()) wanted = bits;
    for (size_t i = 0; i < bits.size(); i++) same("the same bits by another tile", bits[i], wanted[i], {Tile::kRows, Tile::kColumns, static_cast<int64_t>(i)});
  }
}

template <class Tile>
void check_orders(const Sizes& z, int64_t parts) {
  check<Tile, true, false, 4>(z, parts);
  check<Tile, true, true, 4>(z, parts);
  check<Tile, false, false, 4>(z, parts);
}

void tiles() {
  for (const Sizes& z : {Sizes{1, 1, 1}, {5, 3, 70}, {130, 131, 37}, {128, 128, 16}, {70, 190, 4}, {3, 4, 0}}) {
    check_orders<Tile128x128>(z, 1);
    check_orders<Tile128x64>(z, 1);
    check_orders<Tile128x32>(z, 1);
    check_orders<Tile64x64>(z, 1);
    check<Tile64x64, false, true, 4>(z, 1);
    check<Tile64x64, true, false, 1>(z, 1);
    check<Tile64x64, false, true, 1>(z, 1);
  }
}

void parts() {
  for (const int64_t parts : {2, 3, 5, 18})
    for (const Sizes& z : {Sizes{1, 1, 80}, {5, 3, 333}, {66, 67, 300}}) check_orders<Tile64x64>(z, parts);
}

// Blocks pass through groups of columns of tiles.
void wide() {
  const Sizes z{70, 64 * 35 + 5, 3};
  check<Tile64x64, true, false, 4>(z, 1);
}

template <int Lines>
void check_slices() {
  std::set<int> along, across;
  for (int line = 0; line < Lines; line++)
    for (int k = 0; k < kSlice; k++) {
      along.insert(slice_along<Lines>(line, k / 4) + k % 4);
      across.insert(slice_across<Lines>(line, k));
      same("lines that lie together", slice_across<Lines>(line, k), slice_across<Lines>(line / 4 * 4, k) + line % 4, {line, k});
    }
  for (const std::set<int>* places : {&along, &across}) {
    same("places", static_cast<double>(places->size()), Lines * kSlice, {Lines});
    same("the first", *places->begin(), 0, {Lines});
    same("the last", *places->rbegin(), Lines * kSlice - 1, {Lines});
  }
  // Eight lanes (sixteen) that move 16 bytes each at once: in banks of their own, or the same 16 bytes.
  const auto apart = [](const char* what, auto place, int first, int lanes = 8) {
    std::set<int> groups, banks;
    for (int lane = first; lane < first + lanes; lane++) groups.insert(place(lane) / 4), banks.insert(place(lane) / 4 % 8);
    same(what, static_cast<double>(banks.size()), static_cast<double>(groups.size()), {Lines, first});
  };
  const auto row = [](int lane) { return product_lane<Arithmetic::kFull>(lane).row; };
  const auto column = [](int lane) { return product_lane<Arithmetic::kFull>(lane).column; };
  for (int first = 0; first < 32; first += 8) {
    apart("written along", [](int lane) { return slice_along<Lines>(lane / 4, lane % 4); }, first);
    apart("written across", [](int lane) { return slice_across<Lines>(lane * 4 % Lines, lane * 4 / Lines); }, first);
    for (int i = 0; i < 4; i++) {
      apart("pieces read along", [&](int lane) { return slice_along<Lines>(lane / 4 * 4 + i, lane % 4); }, first);
      apart("pieces read across", [&](int lane) { return slice_across<Lines>(lane / 4 * 4, lane % 4 * 4 + i); }, first);
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    same("the row of two lanes", row(lane), row(lane ^ 1), {lane});
    same("the column of two lanes", column(lane), column(lane ^ 2), {lane});
  }
  for (const int half : {0, 16})
    for (int k = 0; k < kSlice; k++) {
      apart("rows read across", [&](int lane) { return slice_across<Lines>(row(lane), k); }, half, 16);
      apart("columns read across", [&](int lane) { return slice_across<Lines>(column(lane), k); }, half, 16);
      apart("rows read along", [&](int lane) { return slice_along<Lines>(row(lane) + k % 4, k / 4); }, half, 16);
      apart("columns read along", [&](int lane) { return slice_along<Lines>(column(lane) + k % 4, k / 4); }, half, 16);
    }
}

void slices() {
  check_slices<32>();
  check_slices<64>();
  check_slices<128>();
}

void plans() {
  for (const int64_t rows : {1, 10, 64, 147, 576, 2304, 100000})
    for (const int64_t columns : {1, 10, 64, 512, 4096})
      for (const int64_t depth : {0, 1, 16, 255, 512, 3137, 401408}) {
        const ProductPlan plan = product_plan<Tile128x128, Tile128x64, Tile64x64>(rows, columns, depth, kSplit);
        same("a tile", plan.tile >= 0 && plan.tile < 3, true, {rows, columns, depth});
        same("parts", plan.parts >= 1 && plan.parts <= most(1, depth / kLeastPart), true, {rows, columns, depth, plan.parts});
        const int64_t part = product_part(depth, plan.parts);
        if (plan.parts > 1) same("no part is empty", part * (plan.parts - 1) < depth, true, {rows, columns, depth, plan.parts});
        same("whole", static_cast<double>(product_plan<Tile128x128, Tile64x64>(rows, columns, depth, kWhole).parts), 1, {rows, columns, depth});
      }
}

}  // namespace

int main(int, char** arguments) {
  const struct {
    const char* name;
    void (*run)();
  } checks[] = {{"slices", slices}, {"tiles", tiles}, {"parts", parts}, {"wide", wide}, {"plans", plans}};
  for (const auto& check : checks)
    if (std::strcmp(check.name, arguments[1]) == 0) check.run();
  std::printf("%lld\n", static_cast<long long>(compared));
}
