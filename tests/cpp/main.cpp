// Runs the tests with the kernels that NNHP_ISA names; exits with 77 ("skipped") when this machine
// does not have them.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <iostream>
#include <stdexcept>

#include "nnhp/kernels/choice.hpp"

int main(int argc, char** argv) {
  try {
    nnhp::kernels();
  } catch (const std::invalid_argument& error) {
    std::cerr << error.what() << "\n";
    return 77;
  }
  return doctest::Context(argc, argv).run();
}
