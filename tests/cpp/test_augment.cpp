// Augmented batches against what their draws say, and the distributions of the draws.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "nnhp/train/augment.hpp"
#include "problems.hpp"

namespace nnhp::testing {
namespace {

constexpr StepDraws kDraws{17, 3};

struct Moments {
  double mean, variance;
};
template <class Draw>
Moments moments_of(Draw&& draw) {
  constexpr int n = 200000;
  double sum = 0.0, squares = 0.0;
  for (int i = 0; i < n; ++i) {
    const double x = draw(i);
    sum += x;
    squares += x * x;
  }
  const double mean = sum / n;
  return {mean, squares / n - mean * mean};
}

// Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2 a + 1)); of the fourth moment about the
// mean, 3 / (16 (2 a + 1) (2 a + 3)), the second moment of the squared distance tells.
TEST_CASE("test_shares_have_the_moments_of_the_beta_distribution") {
  for (const double alpha : {0.05, 0.2, 0.5, 1.0, 2.0, 8.0, 100.0}) {
    CAPTURE(alpha);
    const auto share = [&](int i) { return draw_partner(kDraws, i, 10, alpha).share; };
    const Moments of_share = moments_of(share);
    const double variance = 1.0 / (4.0 * (2.0 * alpha + 1.0));
    CHECK(of_share.mean == doctest::Approx(0.5).epsilon(0.006));
    CHECK(of_share.variance == doctest::Approx(variance).epsilon(0.02));
    const Moments of_square = moments_of([&](int i) { return std::pow(share(i) - 0.5, 2.0); });
    const double fourth = of_square.variance + of_square.mean * of_square.mean;
    CHECK(fourth ==
          doctest::Approx(3.0 / (16.0 * (2.0 * alpha + 1.0) * (2.0 * alpha + 3.0))).epsilon(0.03));
    for (int i = 0; i < 1000; ++i) CHECK((share(i) >= 0.0 && share(i) <= 1.0));
  }
}

TEST_CASE("test_partners_are_uniform_and_change_with_every_name") {
  constexpr index_t n = 7;
  std::vector<int> counts(n, 0);
  for (index_t row = 0; row < 70000; ++row) {
    ++counts[static_cast<size_t>(draw_partner(kDraws, row, n, 0.2).row)];
  }
  for (const int count : counts) CHECK(std::abs(count - 10000) < 400);  // 4 deviations
  std::set<double> shares;
  for (uint64_t key = 0; key < 3; ++key) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40}) {
      for (index_t row = 0; row < 3; ++row) {
        shares.insert(draw_partner({key, step}, row, n, 0.5).share);
      }
    }
  }
  CHECK(shares.size() == 27);
}

TEST_CASE("test_the_coin_for_a_batch_is_fair") {
  int heads = 0;
  for (uint64_t step = 0; step < 10000; ++step) heads += draw_cutmix({5, step});
  CHECK(std::abs(heads - 5000) < 200);
}

// The whole of a batch, put together block by block.
template <class T>
struct Batch {
  Batch(const Setup& setup, const std::vector<index_t>& blocks, int threads = 1)
      : in(parts_of<T>(setup)),
        set(in.set()),
        entries(epoch_entries(setup.train.augment, in.training)),
        x(static_cast<index_t>(entries.size()) * setup.features),
        y(static_cast<index_t>(entries.size()) * setup.outputs),
        w(static_cast<index_t>(entries.size())) {
    StopToken stop;
    const Cpus cpus(threads);
    team_for(1, threads, stop, {}, [&](index_t, const Team& team) {
      Workspace sizes, workspace;
      Augmenter<T>(setup.train.augment, *in.net, w.size(), sizes, team);
      workspace.reserve(sizes.bytes());
      Augmenter<T> augmenter(setup.train.augment, *in.net, w.size(), workspace, team);
      index_t first = 0;
      for (const index_t count : blocks) {
        const auto block = augmenter.make(*set, entries, first, count, kDraws,
                                          y.data() + first * setup.outputs, setup.outputs);
        CHECK(block.samples.count == count);
        for (index_t i = 0; i < count; ++i) {
          const T* row = block.samples.dense + i * setup.features;
          std::copy_n(row, setup.features, x.data() + (first + i) * setup.features);
          w[first + i] = block.weights == nullptr ? T(1) : block.weights[i];
        }
        first += count;
      }
    });
  }
  Parts<T> in;
  std::shared_ptr<const TrainingSet<T>> set;
  std::vector<row_t> entries;
  AlignedVector<T> x, y, w;
};

Setup setup_of(const AugmentSpec& augment) {
  Setup setup;
  setup.train.augment = augment;
  setup.weighted = true;
  setup.samples = 40;
  setup.features = 11;
  return setup;
}

const std::vector<AugmentSpec> kKinds{
    {.noisy_copies = 2, .noise = 0.3},
    {.mixup_alpha = 0.4},
    {.cutmix_alpha = 0.6},
    {.noisy_copies = 1, .noise = 0.3, .mixup_alpha = 0.4, .cutmix_alpha = 0.6}};

TEST_CASE_TEMPLATE("test_blocks_threads_and_containers_change_no_bit", T, float, double) {
  for (const AugmentSpec& augment : kKinds) {
    for (const bool ids : {false, true}) {
      Setup setup = setup_of(augment);
      setup.class_ids = ids;
      setup.sparse = true;
      const index_t n = setup.samples * (1 + augment.noisy_copies);
      const Batch<T> whole(setup, {n});
      for (const Batch<T>& other : {Batch<T>(setup, {1, 17, n - 18}), Batch<T>(setup, {n}, 3)}) {
        CHECK(bit_mismatch(other.x, whole.x) == "");
        CHECK(bit_mismatch(other.y, whole.y) == "");
        CHECK(bit_mismatch(other.w, whole.w) == "");
      }
    }
  }
}

TEST_CASE_TEMPLATE("test_originals_are_clean_and_copies_are_noisy", T, float, double) {
  const Setup setup = setup_of(kKinds[0]);
  const Samples samples = draw_samples(setup, setup.seed);
  const Batch<T> batch(setup, {120});
  double sum = 0.0, squares = 0.0;
  for (index_t i = 0; i < 120; ++i) {
    const index_t row = i % 40;
    CHECK(batch.entries[static_cast<size_t>(i)] == i);
    CHECK(batch.w[i] == static_cast<T>(samples.w(row, 0)));
    for (index_t j = 0; j < 3; ++j) CHECK(batch.y[i * 3 + j] == static_cast<T>(samples.y(row, j)));
    for (index_t j = 0; j < 11; ++j) {
      const double noise = static_cast<double>(batch.x[i * 11 + j]) - samples.x(row, j);
      if (i < 40) CHECK(noise == 0.0);
      if (i < 40) continue;
      CHECK(noise != 0.0);
      sum += noise;
      squares += noise * noise;
    }
  }
  const double n = 80.0 * 11.0;
  CHECK(std::abs(sum / n) < 0.04);
  CHECK(std::sqrt(squares / n) == doctest::Approx(0.3).epsilon(0.1));
}

TEST_CASE("test_mixup_is_the_mean_by_the_drawn_shares") {
  const Setup setup = setup_of(kKinds[1]);
  const Samples s = draw_samples(setup, setup.seed);
  const Batch<double> batch(setup, {40});
  for (index_t i = 0; i < 40; ++i) {
    const Partner partner = draw_partner(kDraws, i, 40, 0.4);
    const auto mixed = [&](const reference::Matrix& m, index_t j) {
      return (1.0 - partner.share) * m(i, j) + partner.share * m(partner.row, j);
    };
    for (index_t j = 0; j < 11; ++j) CHECK(batch.x[i * 11 + j] == doctest::Approx(mixed(s.x, j)));
    for (index_t j = 0; j < 3; ++j) CHECK(batch.y[i * 3 + j] == doctest::Approx(mixed(s.y, j)));
    CHECK(batch.w[i] == doctest::Approx(mixed(s.w, 0)));
  }
}

TEST_CASE("test_cutmix_takes_whole_features_and_their_share_of_the_target") {
  const Setup setup = setup_of(kKinds[2]);
  const Samples s = draw_samples(setup, setup.seed);
  const Batch<double> batch(setup, {40});
  for (index_t i = 0; i < 40; ++i) {
    const Partner partner = draw_partner(kDraws, i, 40, 0.6);
    const double rounded = std::floor(partner.share * 11.0 + 0.5);
    double taken = 0.0;
    for (index_t j = 0; j < 11; ++j) {
      const double x = batch.x[i * 11 + j];
      CHECK((x == s.x(i, j) || x == s.x(partner.row, j)));
      taken += x != s.x(i, j);
    }
    CHECK(taken == (partner.row == i ? 0.0 : rounded));
    for (index_t j = 0; j < 3; ++j) {
      const double share = rounded / 11.0;
      CHECK(batch.y[i * 3 + j] ==
            doctest::Approx((1.0 - share) * s.y(i, j) + share * s.y(partner.row, j)));
    }
  }
}

// Every feature is as likely to be taken.
TEST_CASE("test_cutmix_has_no_favourite_feature") {
  Setup setup = setup_of({.cutmix_alpha = 50.0});
  setup.samples = 4000;
  setup.weighted = false;
  const Samples s = draw_samples(setup, setup.seed);
  const Batch<double> batch(setup, std::vector<index_t>(40, 100));
  std::vector<double> taken(11, 0.0);
  for (index_t i = 0; i < 4000; ++i) {
    for (index_t j = 0; j < 11; ++j) {
      taken[static_cast<size_t>(j)] += batch.x[i * 11 + j] != s.x(i, j);
    }
  }
  for (const double count : taken) CHECK(std::abs(count - 2000.0) < 160.0);
}

TEST_CASE("test_samples_without_weight_are_neither_mixed_nor_mixed_in") {
  for (const size_t kind : {size_t{1}, size_t{2}}) {
    Setup setup = setup_of(kKinds[kind]);
    Batch<double> batch(setup, {40});
    Samples s = draw_samples(setup, setup.seed);
    for (index_t i = 0; i < 40; i += 2) s.w(i, 0) = 0.0;
    batch.in.training.weights = make_weights<double>(s);
    Workspace sizes, workspace;
    Augmenter<double>(setup.train.augment, *batch.in.net, 40, sizes, Team());
    workspace.reserve(sizes.bytes());
    Augmenter<double> augmenter(setup.train.augment, *batch.in.net, 40, workspace, Team());
    const auto block =
        augmenter.make(*batch.in.set(), batch.entries, 0, 40, kDraws, batch.y.data(), 3);
    const double alpha = kind == 1 ? 0.4 : 0.6;
    for (index_t i = 0; i < 40; ++i) {
      const bool alone = i % 2 == 0 || draw_partner(kDraws, i, 40, alpha).row % 2 == 0;
      if (i % 2 == 0) CHECK(block.weights[i] == 0.0);
      for (index_t j = 0; alone && j < 11; ++j) {
        CHECK(block.samples.dense[i * 11 + j] == s.x(i, j));
      }
    }
  }
}

}  // namespace
}  // namespace nnhp::testing
