// What the programs here have in common: `same` counts comparisons, and ends the program with the first that fails.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <type_traits>

inline int64_t compared = 0;

// Two NaNs are the same. at: where, for people.
template <typename Found, typename Wanted>
void same(const char* what, Found seen, Wanted expected, std::initializer_list<int64_t> at) {
  const std::common_type_t<Found, Wanted> found = seen, wanted = expected;
  ++compared;
  if (found == wanted || (found != found && wanted != wanted)) return;
  std::printf("%s: %.17g instead of %.17g at", what, static_cast<double>(found), static_cast<double>(wanted));
  for (const int64_t number : at) std::printf(" %lld", static_cast<long long>(number));
  std::printf("\n");
  std::exit(1);
}
