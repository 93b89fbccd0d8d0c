// cuda/pixels.cuh against plain division and plain loops: `pixels NAME` runs one of the checks below, and prints how many numbers it compared.
#include "pixels.cuh"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "check.h"

using namespace steepest;
using namespace steepest::cuda;

namespace {

constexpr int64_t kEnd = int64_t{1} << 31;

// Every divisor up to 2000, those around powers of two, and the largest; by numbers around multiples, powers of two, the largest, and many between.
void divisors() {
  std::vector<int64_t> all;
  for (int64_t d = 1; d <= 2000; ++d) all.push_back(d);
  for (int bit = 11; bit <= 31; ++bit)
    for (int64_t d = (int64_t{1} << bit) - 3; d <= (int64_t{1} << bit) + 3 && d < kEnd; ++d) all.push_back(d);
  for (int64_t d = 2003; d < kEnd; d = d * 17 / 13 + 1) all.push_back(d);
  for (const int64_t d : all) {
    const Divisor divisor(d);
    const auto check = [&](int64_t n) {
      if (n < 0 || n >= kEnd) return;
      int rest = -1;
      same("quotient", divisor.divide(static_cast<int>(n), rest), n / d, {n, d});
      same("rest", rest, n % d, {n, d});
    };
    for (int64_t n = 0; n < 300; ++n) check(n), check(kEnd - 1 - n);
    for (int bit = 8; bit < 31; ++bit)
      for (int64_t near = -2; near <= 2; ++near) check((int64_t{1} << bit) + near);
    for (int64_t i = 1; i <= 64; ++i)
      for (int64_t near = -1; near <= 1; ++near) check(i * d + near), check((kEnd - 1) / d * d - i * d + near), check((kEnd / d / 65) * i * d + near);
    for (int64_t n = 12345; n < kEnd; n += 15485863) check(n);
  }
}

void pixels() {
  for (int64_t height = 1; height <= 9; ++height)
    for (int64_t width = 1; width <= 9; ++width) {
      const Pixels order(height, width);
      int index = 0;
      for (int image = 0; image < 3; ++image)
        for (int row = 0; row < height; ++row)
          for (int column = 0; column < width; ++column, ++index) {
            const Pixel pixel = order.at(index);
            same("image", pixel.image, image, {height, width, index});
            same("row", pixel.row, row, {height, width, index});
            same("column", pixel.column, column, {height, width, index});
            same("index", order.index(pixel), index, {height, width, index});
          }
    }
}

void quads() {
  for (int64_t height = 1; height <= 6; ++height)
    for (int64_t width = 1; width <= 6; ++width) {
      const Quads order{Pixels(height, width)};
      int index = 0;
      for (int image = 0; image < 3; ++image)
        for (int row = 0; row < height; ++row)
          for (int column = 0; column < width; ++column)
            for (int place = 0; place < 4; ++place, ++index) {
              const Pixel pixel = order.at(index);
              same("image", pixel.image, image, {height, width, index});
              same("row", pixel.row, 2 * row + place / 2, {height, width, index});
              same("column", pixel.column, 2 * column + place % 2, {height, width, index});
            }
    }
}

struct Sizes {
  int64_t n, h, w, c, r, s, step, padding;
};

// f(sizes) for many small ones whose windows fit.
template <class F>
void each_sizes(F f) {
  for (const int64_t h : {1, 2, 5, 7})
    for (const int64_t w : {1, 3, 6})
      for (const int64_t c : {1, 3, 4})
        for (const int64_t r : {1, 2, 3, 5})
          for (const int64_t s : {1, 3, 4})
            for (const int64_t step : {1, 2, 3})
              for (const int64_t padding : {0, 1, 2, 4}) {
                const Sizes sizes{2, h, w, c, r, s, step, padding};
                if (output_size(h, r, step, padding) > 0 && output_size(w, s, step, padding) > 0) f(sizes);
              }
}

// Elements of the taps of all windows, in the order of im2col.
void windows() {
  each_sizes([](const Sizes& z) {
    const int64_t p = output_size(z.h, z.r, z.step, z.padding), q = output_size(z.w, z.s, z.step, z.padding);
    const Windows order(z.h, z.w, z.c, z.s, z.step, z.padding, z.padding);
    const Pixels outputs(p, q);
    int row = 0;
    for (int64_t n = 0; n < z.n; ++n)
      for (int64_t y = 0; y < p; ++y)
        for (int64_t x = 0; x < q; ++x, ++row) {
          const auto corner = order.corner(outputs.at(row));
          int k = 0;
          for (int64_t r = 0; r < z.r; ++r)
            for (int64_t s = 0; s < z.s; ++s)
              for (int64_t c = 0; c < z.c; ++c, ++k) {
                const auto tap = order.at(k);
                const int64_t i = y * z.step + r - z.padding, j = x * z.step + s - z.padding;
                const bool inside = i >= 0 && i < z.h && j >= 0 && j < z.w;
                same("inside", order.inside(corner, tap), inside, {z.h, z.w, z.c, z.r, z.s, z.step, z.padding, row, k});
                if (inside) same("offset", corner.offset + tap.offset, ((n * z.h + i) * z.w + j) * z.c + c, {z.h, z.w, z.c, z.r, z.s, z.step, z.padding, row, k});
                same("behind the last tap", order.inside(corner, Windows::no_tap()), false, {row});
                same("behind the last pixel", order.inside(Windows::no_corner(), tap), false, {k});
              }
          same("behind both", order.inside(Windows::no_corner(), Windows::no_tap()), false, {row});
        }
  });
}

// A transposed convolution by its phases meets the same (input pixel, tap) for each pixel as going over all windows does.
void phases() {
  each_sizes([](const Sizes& z) {
    const int64_t p = output_size(z.h, z.r, z.step, z.padding), q = output_size(z.w, z.s, z.step, z.padding), taps = z.r * z.s;
    // met[pixel of x, pixel of y, tap]
    std::vector<int> wanted(static_cast<size_t>(z.h * z.w * p * q * taps)), met(wanted.size());
    for (int64_t y = 0; y < p; ++y)
      for (int64_t x = 0; x < q; ++x)
        for (int64_t tap = 0; tap < taps; ++tap) {
          const int64_t i = y * z.step + tap / z.s - z.padding, j = x * z.step + tap % z.s - z.padding;
          if (i >= 0 && i < z.h && j >= 0 && j < z.w) ++wanted[static_cast<size_t>(((i * z.w + j) * p * q + y * q + x) * taps + tap)];
        }
    int64_t covered = 0;
    for (int64_t first_row = 0; first_row < z.step; ++first_row)
      for (int64_t first_column = 0; first_column < z.step; ++first_column) {
        const Phase rows(first_row, z.h, z.r, z.step, z.padding), columns(first_column, z.w, z.s, z.step, z.padding);
        const Windows order(p, q, 1, columns.taps, 1, -rows.begin, -columns.begin);
        const Pixels outputs(rows.outputs, columns.outputs);
        for (int index = 0; index < rows.outputs * columns.outputs; ++index, ++covered) {
          const Pixel at = outputs.at(index);
          const int64_t i = rows.first + at.row * z.step, j = columns.first + at.column * z.step;
          for (int t = 0; t < rows.taps * columns.taps; ++t) {
            const auto corner = order.corner(at);
            const auto tap = order.at(t);
            if (!order.inside(corner, tap)) continue;
            const int64_t r = rows.last - tap.row * z.step, s = columns.last - tap.column * z.step;
            ++met[static_cast<size_t>(((i * z.w + j) * p * q + corner.offset + tap.offset) * taps + r * z.s + s)];
          }
        }
      }
    same("pixels of all phases", covered, z.h * z.w, {z.h, z.w, z.step});
    for (size_t i = 0; i < met.size(); ++i) same("times met", met[i], wanted[i], {z.h, z.w, z.r, z.s, z.step, z.padding, static_cast<int64_t>(i)});
  });
}

void covering() {
  for (int64_t size = 1; size <= 7; ++size)
    for (int64_t stride = 1; stride <= 8; ++stride)
      for (int64_t length = size; length <= 20; ++length) {
        const int64_t count = output_size(length, size, stride, 0);
        for (int64_t place = 0; place < length; ++place) {
          const Covering found(static_cast<int>(place), static_cast<int>(size), Divisor(stride), static_cast<int>(count));
          for (int64_t window = 0; window < count; ++window)
            same("covers", found.from <= window && window < found.end, window * stride <= place && place < window * stride + size, {size, stride, length, place, window});
        }
      }
}

// What 32-bit indices cannot count is an error that names the sizes.
void limits() {
  const auto refused = [](int64_t count) {
    try {
      fits("kernel", {{"n", 2}, {"h", count}}, {1, count});
    } catch (const std::out_of_range& error) {
      same("names the sizes", std::strstr(error.what(), "kernel: more than ") == error.what() && std::strstr(error.what(), "(n = 2, h = ") != nullptr, true, {count});
      return true;
    }
    return false;
  };
  for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{1} << 30, kEnd - (1 << 16)}) same("refused", refused(count), false, {count});
  for (const int64_t count : {kEnd - (1 << 16) + 1, kEnd, kEnd * 1000}) same("refused", refused(count), true, {count});
}

}  // namespace

int main(int, char** arguments) {
  const struct {
    const char* name;
    void (*run)();
  } checks[] = {{"divisors", divisors}, {"pixels", pixels}, {"quads", quads}, {"windows", windows}, {"phases", phases}, {"covering", covering}, {"limits", limits}};
  for (const auto& check : checks)
    if (std::strcmp(check.name, arguments[1]) == 0) check.run();
  std::printf("%lld\n", static_cast<long long>(compared));
}
