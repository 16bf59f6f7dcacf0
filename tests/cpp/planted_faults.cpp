// Faults that a sanitizer must find: a race in a region of OpenMP, an access beyond an array, an
// overflow. With "none", the same code without them.
#include <cstdio>
#include <limits>
#include <string_view>
#include <vector>

int main(int argc, char** argv) {
  const std::string_view fault = argc > 1 ? argv[1] : "";
  constexpr int kItems = 10000;
  long long racing = 0, summed = 0;
  const bool races = fault == "race";
#pragma omp parallel for num_threads(4) reduction(+ : summed)
  for (int i = 0; i < kItems; ++i) {
    if (races) {
      racing += i;
    } else {
      summed += i;
    }
  }
  // Sizes that the compiler does not know.
  std::vector<int> items(static_cast<size_t>(argc) + 6);
  const int* const cells = items.data();
  const auto beyond = static_cast<long>(items.size()) - (fault == "overrun" ? 0 : 1);
  const int most = std::numeric_limits<int>::max() - (fault == "overflow" ? 0 : argc);
  std::printf("%lld %d %d\n", racing + summed, cells[beyond], most + argc);
  if (fault == "none") std::puts("nothing planted");
  return 0;
}
