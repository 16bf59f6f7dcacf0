// The kernel that only moves values: gather.
#include "kernel_cases.hpp"

namespace nnhp::testing {
namespace {

using reference::Matrix;

template <class F>
void for_each_pair_of_sizes(F&& f) {
  for (const index_t rows : kSizes) {
    for (const index_t columns : kSizes) {
      for (const index_t misalignment : kMisalignments) f(rows, columns, misalignment);
    }
  }
}

TEST_CASE_TEMPLATE("test_gather_copies_the_listed_rows", T, float, double) {
  Random random(2);
  for_each_pair_of_sizes([&](index_t count, index_t columns, index_t misalignment) {
    CAPTURE(count);
    CAPTURE(columns);
    const Matrix values = random_matrix<T>(40, columns, random);
    std::vector<row_t> rows;
    for (index_t i = 0; i < count; ++i) rows.push_back(static_cast<row_t>(random.below(40)));
    const TestMatrix<T> from(values, misalignment > 0 ? Rows::kGapped : Rows::kPacked,
                             misalignment);
    const TestMatrix<T> want(reference::rows_of(values, rows), Rows::kPacked);
    for_each_isa<T>([&](const KernelTable<T>& kernel) {
      TestMatrix<T> to(count, columns, Rows::kScratch, misalignment);
      kernel.gather(count, columns, from.data(), from.stride(), rows.data(), to.data(),
                    to.stride());
      NNHP_CHECK_NOTHING(bit_mismatch(to, want));
      NNHP_CHECK_QUIETLY(to.surroundings_untouched());
    });
  });
}

}  // namespace
}  // namespace nnhp::testing
