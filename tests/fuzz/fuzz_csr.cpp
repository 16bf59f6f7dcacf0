// Sparse samples of any bytes: refused, or every product with them stays inside of the arrays.
#include <fuzzer/FuzzedDataProvider.h>

#include <stdexcept>
#include <vector>

#include "nnhp/train/session.hpp"

namespace nnhp {
namespace {

// Mostly of the few numbers that may pass.
template <class Integer>
std::vector<Integer> numbers(FuzzedDataProvider& bytes, Integer most) {
  std::vector<Integer> values(bytes.ConsumeIntegralInRange<size_t>(0, 24));
  for (Integer& value : values) {
    value = bytes.ConsumeIntegralInRange<int>(0, 15) == 0
                ? bytes.ConsumeIntegral<Integer>()
                : bytes.ConsumeIntegralInRange<Integer>(Integer{0}, most);
  }
  return values;
}

template <class T>
void train(const std::vector<int32_t>& columns, const std::vector<int64_t>& row_start,
           index_t features, size_t values) {
  const std::vector<T> cells(values, T(0.5));
  auto data = std::make_shared<Dataset<T>>(csr_samples<T>(cells, columns, row_start, features));
  const std::vector<T> targets(static_cast<size_t>(data->samples), T(1));
  data->targets = targets.data();
  data->target_count = 1;
  if (data->features > 64) return;  // nothing is made of it but a net as large
  auto net = std::make_shared<const NetSpec>(
      data->features, std::vector<HiddenLayer>{{3, {activate(Activation::kRelu)}}}, index_t{1},
      Activation::kIdentity);
  TrainSpec train;
  train.loss.kind = Loss::kSquaredError;
  WeightedRows<T> rows{data, {}, nullptr};
  for (row_t row = 0; row < data->samples; ++row) rows.rows.push_back(row);
  Start<T> start;
  start.parameters = AlignedVector<T>(net->parameter_count());
  Session<T> session({net, std::make_shared<const TrainSpec>(train),
                      std::make_shared<const TrainingSet<T>>(rows),
                      std::make_shared<const Start<T>>(std::move(start))});
  Workspace workspace;
  session.advance(1, workspace, StopToken());
}

}  // namespace
}  // namespace nnhp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzedDataProvider bytes(data, size);
  const auto features = bytes.ConsumeBool() ? bytes.ConsumeIntegral<nnhp::index_t>()
                                            : bytes.ConsumeIntegralInRange<nnhp::index_t>(0, 12);
  const auto row_start = nnhp::numbers<int64_t>(bytes, 12);
  const auto columns = nnhp::numbers<int32_t>(bytes, 12);
  const auto values = bytes.ConsumeBool() ? columns.size() : size_t{7};
  try {
    if (bytes.ConsumeBool()) {
      nnhp::train<float>(columns, row_start, features, values);
    } else {
      nnhp::train<double>(columns, row_start, features, values);
    }
  } catch (const std::invalid_argument&) {
  }
  return 0;
}
