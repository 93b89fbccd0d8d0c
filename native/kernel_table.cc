// The table of kernels: their names, their bounds, and their form for each instruction set and for CUDA. Made from kernels.def (dispatch.h).
#include <algorithm>

#include "kernels/kernel.h"

namespace steepest {
namespace {

// A whole number >= 0, or -1 once a step of the computation was invalid or left the range of int64.
struct Size {
  int64_t value;
  constexpr explicit Size(int64_t v) : value(v < 0 ? -1 : v) {}
};

Size operator*(Size a, Size b) {
  int64_t v;
  if (a.value < 0 || b.value < 0 || __builtin_mul_overflow(a.value, b.value, &v)) return Size(-1);
  return Size(v);
}

Size operator+(Size a, Size b) {
  int64_t v;
  if (a.value < 0 || b.value < 0 || __builtin_add_overflow(a.value, b.value, &v)) return Size(-1);
  return Size(v);
}

bool operator<=(Size a, Size b) { return a.value <= b.value; }

constexpr int64_t kLargest = int64_t{1} << 40;  // beyond any image; keeps output_size clear of overflow

Size out(Size size, Size filter, Size stride, Size padding) {
  if (size.value < 0 || size.value > kLargest || padding.value > kLargest || filter.value > kLargest) return Size(-1);
  return Size(output_size(size.value, filter.value, stride.value, padding.value));
}

Size pooled(Size size, Size pool, Size stride) { return pool.value == 0 ? size : out(size, pool, stride, Size(0)); }

// As in lib/geometry.ts.
Size squares(Size rows, Size h, Size w) {
  const Size pixels = h * w;
  if (rows.value < 0 || pixels.value < 0 || (pixels.value > 0 && rows.value % pixels.value != 0)) return Size(-1);
  if (pixels.value == 0) return pixels;
  return Size(rows.value / pixels.value) * Size((h.value - 1) / 4 + 1) * Size((w.value - 1) / 4 + 1);
}
Size points(Size tile, Size r) {
  if (tile.value <= 0) return tile;
  if (r.value < 1 || r.value > kLargest || tile.value > kLargest) return Size(-1);
  const Size side(tile.value + r.value - 1);
  return side * side;
}
Size paddable(Size h, Size w) { return Size(std::max<int64_t>(128, std::min(h.value, w.value))); }
Size panelled(Size columns) { return columns.value < 0 || columns.value > kLargest ? Size(-1) : Size((columns.value + 31) / 32 * 32); }

// `stride`, but no more than what takes a window out of a padded image h x w: beyond, all are the same.
int64_t within(int64_t stride, int64_t h, int64_t w, int64_t padding) { return std::min(stride, std::max(h, w) + 2 * padding); }

}  // namespace

#include "dispatch.h"

// A size of 0 takes away what others ask for: images without channels may be of any height, and so may a filter over them. As if each 0 were a 1,
// an empty buffer would still have to be small: kernels go through sizes, not through elements alone.
constexpr int64_t kMostOfNothing = int64_t{1} << 24;

void needs(const KernelEntry& kernel, const int64_t* ints, int64_t* need) {
  kernel.need(ints, need);
  const auto empty = [&](int i) { return need[i] == 0 && !kernel.buffers[i].optional; };
  bool nothing = false, something = false;  // empty buffers, and work
  for (int i = 0; i < kernel.buffer_count; i++) {
    nothing |= empty(i);
    something |= kernel.buffers[i].role != Role::kIn && need[i] > 0;
  }
  if (!nothing || !something) return;
  int64_t ones[kMaxInts], full[kMaxBuffers];
  for (int i = 0; i < kernel.int_count; i++) ones[i] = std::max<int64_t>(1, ints[i]);
  kernel.need(ones, full);
  for (int i = 0; i < kernel.buffer_count; i++)
    if (empty(i) && (full[i] < 0 || full[i] > kMostOfNothing)) need[i] = -1;
}

}  // namespace steepest
