#include "nnhp/train/dataset.hpp"

#include <algorithm>

namespace nnhp {

template <class T>
void fill_targets(const Dataset<T>& data, LabelMap labels, const row_t* rows, index_t count,
                  index_t outputs, T* out, index_t stride) {
  for (index_t i = 0; i < count; ++i) {
    T* row = out + i * stride;
    if (data.class_ids == nullptr) {
      std::copy_n(data.targets + rows[i] * outputs, outputs, row);
      continue;
    }
    const int32_t id = data.class_ids[rows[i]];
    const int32_t output = labels.empty() ? id : labels[static_cast<size_t>(id)];
    if (outputs == 1) {
      row[0] = static_cast<T>(output == 1);
    } else {
      std::fill_n(row, outputs, T(0));
      if (output >= 0) row[output] = T(1);
    }
  }
}

template void fill_targets(const Dataset<float>&, LabelMap, const row_t*, index_t, index_t, float*,
                           index_t);
template void fill_targets(const Dataset<double>&, LabelMap, const row_t*, index_t, index_t,
                           double*, index_t);

}  // namespace nnhp
