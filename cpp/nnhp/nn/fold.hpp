// Nets as they predict: batch normalization inside the weights.
#pragma once

#include <memory>

#include "nnhp/base/workspace.hpp"
#include "nnhp/nn/net_spec.hpp"

namespace nnhp {

// Whether a net has something that fold() takes away.
bool can_fold(const NetSpec& net);

// The net without the batch normalizations that stand directly behind the sums: with
// g = scale / sqrt(moving variance + epsilon), the weights and biases of the folded net are W g and
// (b - moving mean) g + shift. Its outputs are the same up to rounding.
NetSpec fold(const NetSpec& net);

// The parameters of fold(net), whose count `folded` holds, from those of `net`.
template <class T>
void fold_parameters(const NetSpec& net, const NetSpec& folded, const T* parameters, T* to);

extern template void fold_parameters(const NetSpec&, const NetSpec&, const float*, float*);
extern template void fold_parameters(const NetSpec&, const NetSpec&, const double*, double*);

}  // namespace nnhp
