// Which kernels there are and which were chosen.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "nnhp/kernels/choice.hpp"
#include "nnhp/nn/activation.hpp"

namespace nnhp::testing {
namespace {

TEST_CASE("test_every_available_table_is_complete") {
  std::set<std::string> names;
  for (const Kernels* kernels : available_kernels()) {
    names.insert(kernels->isa);
    for (size_t i = 0; i < activation_table.size(); ++i) {
      CHECK(bool{(kernels->f32.activate[i] != nullptr) == may_end(static_cast<Activation>(i))});
    }
    for (const auto loss : kernels->f64.loss) CHECK(bool{loss != nullptr});
    for (const auto update : kernels->f32.update) CHECK(bool{update != nullptr});
  }
  CHECK(names.size() == available_kernels().size());
  CHECK(names.count("base") == 1);
}

TEST_CASE("test_the_chosen_kernels_are_available") {
  bool found = false;
  for (const Kernels* available : available_kernels()) found = found || available == &kernels();
  CHECK(found);
  CHECK(&kernel_table<float>() == &kernels().f32);
  CHECK(&kernel_table<double>() == &kernels().f64);
}

}  // namespace
}  // namespace nnhp::testing
