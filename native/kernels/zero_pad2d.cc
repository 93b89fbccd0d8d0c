// Zero padding, P_pad (lecture notes 1.3.5): `padding` rows and columns of zeros on each side; backward cuts them off again (P_pad').
#include "elementwise.h"

STEEPEST_KERNELS_BEGIN

// x[n, h, w, c] -> y[n, h + 2 padding, w + 2 padding, c].
void zero_pad2d_forward(const zero_pad2d_forward_args& a, Team& team) {
  const zero_pad2d_forward_args args = a;
  const int64_t height = a.h + 2 * a.padding, inner = a.w * a.c, side = a.padding * a.c, width = inner + 2 * side;
  for_rows(team, a.n * height, width, [=](int64_t row) {
    const int64_t from = row % height - args.padding;
    float* const y = args.y + row * width;
    if (from < 0 || from >= args.h) return fill(y, width, 0.0f);
    fill(y, side, 0.0f);
    __builtin_memcpy(y + side, args.x + (row / height * args.h + from) * inner, static_cast<size_t>(inner) * sizeof(float));
    fill(y + side + inner, side, 0.0f);
  });
}

// dy[n, h + 2 padding, w + 2 padding, c] -> dx[n, h, w, c].
void zero_pad2d_backward(const zero_pad2d_backward_args& a, Team& team) {
  const zero_pad2d_backward_args args = a;
  const int64_t height = a.h + 2 * a.padding, inner = a.w * a.c, side = a.padding * a.c, width = inner + 2 * side;
  for_rows(team, a.n * a.h, inner, [=](int64_t row) {
    const int64_t from = row / args.h * height + row % args.h + args.padding;
    __builtin_memcpy(args.dx + row * inner, args.dy + from * width + side, static_cast<size_t>(inner) * sizeof(float));
  });
}

STEEPEST_KERNELS_END
