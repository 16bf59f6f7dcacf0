// Predictions for whole matrices.
#pragma once

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/dataset.hpp"

namespace nnhp {

// Activated outputs of every sample into out [samples x outputs]. A row's bits depend on that row
// alone. Returns whether a stop was asked for; `out` is then incomplete.
template <class T>
bool predict(const NetSpec& net, const T* parameters, const Dataset<T>& data, int threads,
             const Poll& poll, T* out);

extern template bool predict(const NetSpec&, const float*, const Dataset<float>&, int, const Poll&,
                             float*);
extern template bool predict(const NetSpec&, const double*, const Dataset<double>&, int,
                             const Poll&, double*);

}  // namespace nnhp
