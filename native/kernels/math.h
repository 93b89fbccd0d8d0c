// exp, log(1 + x) and tanh of every lane of a vector, within about 2 units in the last place.
//
// exp: x = n ln2 + r with |r| <= ln2 / 2, then 2^n times the Taylor series of e^r up to r^7 / 7! (what is left out is below 6e-9).
// ln2 is subtracted in two parts, the first of which has so few bits that n times it is exact (Cody and Waite 1980).
#pragma once
#include "lanes.h"

STEEPEST_KERNELS_BEGIN

// x = n ln2 + r, for |x| < 2^22. A NaN gives r = NaN.
STEEPEST_INLINE vfloat reduce_by_ln2(vfloat x, vint& n) {
  const vfloat shifter = broadcast(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number, which stands in the low bits
  const vfloat shifted = fma(x, broadcast(1.44269504f), shifter);
  n = as_int(shifted) - as_int(shifter);
  const vfloat whole = shifted - shifter;
  const vfloat r = fma(whole, broadcast(-0.693359375f), x);
  return fma(whole, broadcast(2.12194440e-4f), r);
}

// e^r - 1 for |r| <= ln2 / 2.
STEEPEST_INLINE vfloat expm1_near_zero(vfloat r) {
  vfloat q = broadcast(1.0f / 5040);
  q = fma(q, r, broadcast(1.0f / 720));
  q = fma(q, r, broadcast(1.0f / 120));
  q = fma(q, r, broadcast(1.0f / 24));
  q = fma(q, r, broadcast(1.0f / 6));
  q = fma(q, r, broadcast(0.5f));
  return fma(q * r, r, r);
}

// 2^n for -127 < n < 128.
STEEPEST_INLINE vfloat power_of_two(vint n) { return as_float((n + 127) << 23); }

// e^x: infinity from 88.73 on, 0 below -86.9 (where subnormal numbers begin, which are worth nothing here and cost a hundred cycles
// each); NaN for NaN.
STEEPEST_INLINE vfloat exp(vfloat x) {
  const vint tiny = x < -86.9f;
  x = choose(tiny, broadcast(-86.9f), x);
  x = x > 89.0f ? broadcast(89.0f) : x;
  vint n;
  const vfloat r = reduce_by_ln2(x, n);
  const vfloat near = expm1_near_zero(r) + 1.0f;
  return choose(tiny, vfloat{}, (near + near) * power_of_two(n - 1));  // 2^128, the largest n, would be infinite by itself
}

// e^x - 1 for x <= 0; NaN for NaN.
STEEPEST_INLINE vfloat expm1_of_negative(vfloat x) {
  x = x < -40.0f ? broadcast(-40.0f) : x;
  vint n;
  const vfloat r = reduce_by_ln2(x, n);
  const vfloat scale = power_of_two(n);
  return fma(expm1_near_zero(r), scale, scale - 1.0f);
}

// tanh |x| = (1 - e^(-2|x|)) / (1 + e^(-2|x|)).
STEEPEST_INLINE vfloat tanh(vfloat x) {
  const vfloat e = expm1_of_negative(absolute(x) * -2.0f);
  const vfloat t = absolute(e / (e + 2.0f));
  return as_float(as_int(t) | (as_int(x) & INT32_MIN));
}

// 1 / (1 + e^-x), from e^-|x| so that nothing overflows.
STEEPEST_INLINE vfloat sigmoid(vfloat x) {
  const vfloat e = exp(-absolute(x));
  return choose(x >= 0.0f, broadcast(1.0f), e) / (e + 1.0f);
}

// log(1 + x) for 0 <= x <= 1: 2 artanh(s) = 2 (s + s^3/3 + s^5/5 + ...) at s = x / (2 + x) <= 1/3.
STEEPEST_INLINE vfloat log1p_to_one(vfloat x) {
  const vfloat s = x / (x + 2.0f);
  const vfloat z = s * s;
  vfloat q = broadcast(1.0f / 15);
  q = fma(q, z, broadcast(1.0f / 13));
  q = fma(q, z, broadcast(1.0f / 11));
  q = fma(q, z, broadcast(1.0f / 9));
  q = fma(q, z, broadcast(1.0f / 7));
  q = fma(q, z, broadcast(1.0f / 5));
  q = fma(q, z, broadcast(1.0f / 3));
  const vfloat twice = s + s;
  return fma(q * z, twice, twice);
}

// log(1 + e^x) without overflow.
STEEPEST_INLINE vfloat softplus(vfloat x) {
  return choose(x > 0.0f, x, choose(is_nan(x), x, vfloat{})) + log1p_to_one(exp(-absolute(x)));
}

STEEPEST_KERNELS_END
