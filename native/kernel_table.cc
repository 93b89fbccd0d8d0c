// The table of kernels: their names, their bounds, and their form for each instruction set and for CUDA. Made from kernels.def (dispatch.h).
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
Size panelled(Size columns) { return columns.value < 0 || columns.value > kLargest ? Size(-1) : Size((columns.value + 31) / 32 * 32); }

}  // namespace

#include "dispatch.h"

}  // namespace steepest
