#include "nnhp/train/dataset.hpp"

#include <algorithm>
#include <limits>
#include <string>

namespace nnhp {

template <class T>
Dataset<T> csr_samples(std::span<const T> values, std::span<const int32_t> columns,
                       std::span<const int64_t> row_start, index_t features) {
  require(features >= 0 && features <= std::numeric_limits<int32_t>::max(),
          "n_features must be in [0, 2^31), got " + std::to_string(features));
  require(columns.size() == values.size(), "X values and columns must be equally long");
  require(!row_start.empty() && row_start.front() == 0 &&
              row_start.back() == static_cast<int64_t>(values.size()),
          "X row starts must run from 0 to the number of values");
  require(std::is_sorted(row_start.begin(), row_start.end()), "X row starts must not decrease");
  bool sound = true;
  for (size_t i = 0; i + 1 < row_start.size(); ++i) {
    const int32_t* const end = columns.data() + row_start[i + 1];
    int32_t before = -1;
    for (const int32_t* c = columns.data() + row_start[i]; c < end; ++c) {
      sound = sound && *c > before && *c < features;
      before = *c;
    }
  }
  require(sound, "X columns must be sorted, unique and below n_features in each row");
  Dataset<T> data;
  data.samples = static_cast<index_t>(row_start.size()) - 1;
  data.features = features;
  data.sparse = true;
  data.csr = {values.data(), columns.data(), row_start.data()};
  return data;
}

template <class T>
void fill_targets(const Dataset<T>& data, LabelMap labels, const row_t* rows, index_t count,
                  index_t outputs, T* out, index_t stride) {
  if (data.class_ids == nullptr && data.target_count == 1) {
    for (index_t i = 0; i < count; ++i) {
      std::fill_n(out + i * stride, outputs, data.targets[rows[i]]);
    }
    return;
  }
  if (data.class_ids == nullptr) {
    for (index_t i = 0; i < count; ++i) {
      std::copy_n(data.targets + rows[i] * outputs, outputs, out + i * stride);
    }
    return;
  }
  const auto output_of = [&](index_t i) {
    const int32_t id = data.class_ids[rows[i]];
    return labels.empty() ? id : labels[static_cast<size_t>(id)];
  };
  if (outputs == 1) {
    static constexpr T truth[] = {T(0), T(1)};  // looked up, for the compiler would branch on it
    for (index_t i = 0; i < count; ++i) out[i * stride] = truth[output_of(i) == 1];
    return;
  }
  // All rows at once: row by row took three times as long, 2 % of a step of 8-16-16-2.
  if (count > 0) std::fill_n(out, (count - 1) * stride + outputs, T(0));
  for (index_t i = 0; i < count; ++i) {
    const int32_t output = output_of(i);
    if (output >= 0) out[i * stride + output] = T(1);
  }
}

template Dataset<float> csr_samples(std::span<const float>, std::span<const int32_t>,
                                    std::span<const int64_t>, index_t);
template Dataset<double> csr_samples(std::span<const double>, std::span<const int32_t>,
                                     std::span<const int64_t>, index_t);
template void fill_targets(const Dataset<float>&, LabelMap, const row_t*, index_t, index_t, float*,
                           index_t);
template void fill_targets(const Dataset<double>&, LabelMap, const row_t*, index_t, index_t,
                           double*, index_t);

}  // namespace nnhp
