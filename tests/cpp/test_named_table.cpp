// Look-up by name, and what every row of the engine's tables must say.
#include <doctest/doctest.h>

#include <set>

#include "nnhp/nn/loss.hpp"
#include "nnhp/nn/optimizer.hpp"
#include "nnhp/nn/schedule.hpp"
#include "nnhp/train/session.hpp"

namespace nnhp::testing {
namespace {

template <class Table>
void check_names(const Table& table) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < table.size(); ++i) {
    names.insert(table[i].name);
    CHECK(index_of(table, table[i].name, "x") == i);
  }
  CHECK(names.size() == table.size());
}

TEST_CASE("test_names_are_unique_and_found") {
  check_names(activation_table);
  check_names(loss_table);
  check_names(over_outputs_table);
  check_names(optimizer_table);
  check_names(schedule_table);
  check_names(monitor_table);
}

TEST_CASE("test_an_unknown_name_lists_the_known_ones") {
  CHECK_THROWS_WITH_AS(
      index_of(over_outputs_table, "median", "over_outputs"),
      "over_outputs must be one of 'own', 'sum', 'mean', 'mean_of_sum_slopes'; got 'median'",
      std::invalid_argument);
  CHECK_THROWS_AS(index_of(optimizer_table, "", "optimizer"), std::invalid_argument);
}

TEST_CASE("test_tables_are_in_the_order_of_their_enums") {
  CHECK(info(Activation::kIdentity).name == "identity");
  CHECK(info(Activation::kLogistic).name == "logistic");
  CHECK(info(Activation::kTanh).name == "tanh");
  CHECK(info(Activation::kRelu).name == "relu");
  CHECK(info(Activation::kSoftmax).name == "softmax");
  CHECK(info(Activation::kExp).name == "exp");
  CHECK(info(Optimizer::kSgd).name == "sgd");
  CHECK(info(Optimizer::kMomentum).name == "momentum");
  CHECK(info(Optimizer::kNesterov).name == "nesterov");
  CHECK(info(Optimizer::kRmspropCenteredMomentum).name == "rmsprop_centered_momentum");
  CHECK(info(Optimizer::kAdagrad).name == "adagrad");
  CHECK(info(Optimizer::kAdam).name == "adam");
  CHECK(info(Optimizer::kLion).name == "lion");
  CHECK(loss_table[static_cast<size_t>(Loss::kLogLoss)].name == "log_loss");
  CHECK(loss_table[static_cast<size_t>(Loss::kPoisson)].name == "poisson");
  CHECK(schedule_table[static_cast<size_t>(Schedule::kInvscaling)].name == "invscaling");
  CHECK(schedule_table[static_cast<size_t>(Schedule::kPerEpoch)].name == "per_epoch");
  CHECK(monitor_table[static_cast<size_t>(Monitor::kExternal)].name == "external");
}

TEST_CASE("test_every_loss_can_take_what_its_output_activation_gives") {
  for (const LossInfo& loss : loss_table) {
    CAPTURE(loss.name);
    CHECK(info(loss.output).least >= loss.least);
    CHECK(info(loss.output).most <= loss.most);
  }
}

}  // namespace
}  // namespace nnhp::testing
