// Targets as a net sees them.
#include <doctest/doctest.h>

#include <vector>

#include "nnhp/train/dataset.hpp"

namespace nnhp::testing {
namespace {

// Targets of the listed samples with a stride of 5, NaN-free because every cell is written.
std::vector<double> targets_of(const Dataset<double>& data, LabelMap labels,
                               const std::vector<row_t>& rows, index_t outputs) {
  std::vector<double> filled(rows.size() * 5, -7.0), cells;
  fill_targets<double>(data, labels, rows.data(), static_cast<index_t>(rows.size()), outputs,
                       filled.data(), 5);
  for (size_t i = 0; i < filled.size(); ++i) {
    const bool counts = static_cast<index_t>(i % 5) < outputs;
    if (counts) cells.push_back(filled[i]);
    if (!counts && i > filled.size() - 5) CHECK(filled[i] == -7.0);  // behind the last row
  }
  return cells;
}

const std::vector<int32_t> ids{0, 1, 2, 1};

Dataset<double> of_ids() {
  Dataset<double> data;
  data.samples = 4;
  data.class_ids = ids.data();
  return data;
}

TEST_CASE("test_targets_are_the_listed_rows") {
  const std::vector<double> values{0.5, 1.5, 2.5, 3.5, 4.5, 5.5};
  Dataset<double> data;
  data.samples = 3;
  data.targets = values.data();
  data.target_count = 2;
  CHECK(targets_of(data, {}, {2, 0, 2}, 2) == std::vector<double>{4.5, 5.5, 0.5, 1.5, 4.5, 5.5});
}

TEST_CASE("test_class_ids_become_one_hot_rows") {
  CHECK(targets_of(of_ids(), {}, {2, 1}, 3) == std::vector<double>{0, 0, 1, 0, 1, 0});
}

TEST_CASE("test_a_label_map_names_each_class's_output") {
  const std::vector<int32_t> labels{1, -1, 0};
  CHECK(targets_of(of_ids(), labels, {0, 1, 2}, 2) == std::vector<double>{0, 1, 0, 0, 1, 0});
}

TEST_CASE("test_a_single_output_stands_for_class_1") {
  CHECK(targets_of(of_ids(), {}, {0, 1}, 1) == std::vector<double>{0, 1});
  const std::vector<int32_t> labels{1, 0, -1};
  CHECK(targets_of(of_ids(), labels, {0, 1, 2}, 1) == std::vector<double>{1, 0, 0});
}

TEST_CASE("test_indices_that_lead_out_of_a_sparse_matrix_are_refused") {
  const std::vector<double> values{1.0, 2.0, 3.0};
  const auto samples = [&](const std::vector<int32_t>& columns,
                           const std::vector<int64_t>& row_start, index_t features) {
    return csr_samples<double>(values, columns, row_start, features).samples;
  };
  CHECK(samples({0, 2, 1}, {0, 2, 2, 3}, 3) == 3);
  using Refused = std::invalid_argument;
  CHECK_THROWS_AS(samples({0, 3, 1}, {0, 2, 2, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({0, -1, 1}, {0, 2, 2, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({2, 0, 1}, {0, 2, 2, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2}, {0, 2, 2, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2, 1}, {0, 4, 2, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2, 1}, {0, 2}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2, 1}, {1, 3}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2, 1}, {}, 3), Refused);
  CHECK_THROWS_AS(samples({0, 2, 1}, {0, 3}, -1), Refused);
}

TEST_CASE("test_a_block_lists_its_rows") {
  const std::vector<double> values{1.0, 2.0};
  Dataset<double> data;
  data.samples = 2;
  data.features = 1;
  data.dense = values.data();
  const std::vector<row_t> rows{1};
  const SampleRows<double> block = data.block(rows.data(), 1);
  CHECK(!block.sparse);
  CHECK(block.dense == values.data());
  CHECK(block.rows == rows.data());
  CHECK(block.count == 1);
}

}  // namespace
}  // namespace nnhp::testing
