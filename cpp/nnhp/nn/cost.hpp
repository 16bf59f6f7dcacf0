// What work costs, in operations, of which one slow core does about 1e10 a second: roughly, and
// rather too many. By it work is given to threads, cut, and undone instead of finished.
#pragma once

#include "nnhp/nn/net_spec.hpp"
#include "nnhp/nn/optimizer.hpp"

namespace nnhp {

// The forward pass of one sample.
template <class T>
double forward_cost(const NetSpec& net);

// Both passes of one sample, with loss and dropout.
template <class T>
double training_cost(const NetSpec& net);

// One step's update of the parameters.
template <class T>
double update_cost(const NetSpec& net, const OptimizerSpec& optimizer);

extern template double forward_cost<float>(const NetSpec&);
extern template double forward_cost<double>(const NetSpec&);
extern template double training_cost<float>(const NetSpec&);
extern template double training_cost<double>(const NetSpec&);
extern template double update_cost<float>(const NetSpec&, const OptimizerSpec&);
extern template double update_cost<double>(const NetSpec&, const OptimizerSpec&);

}  // namespace nnhp
