#include "nnhp/train/dataset.hpp"

#include <algorithm>

namespace nnhp {

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
  for (index_t i = 0; i < count; ++i) {
    T* row = out + i * stride;
    std::fill_n(row, outputs, T(0));
    const int32_t output = output_of(i);
    if (output >= 0) row[output] = T(1);
  }
}

template void fill_targets(const Dataset<float>&, LabelMap, const row_t*, index_t, index_t, float*,
                           index_t);
template void fill_targets(const Dataset<double>&, LabelMap, const row_t*, index_t, index_t,
                           double*, index_t);

}  // namespace nnhp
