#include "nnhp/train/augment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "nnhp/base/rng.hpp"
#include "nnhp/kernels/choice.hpp"

namespace nnhp {
namespace {

// Tells these draws from those of the net's layers, which count from 0.
constexpr uint32_t kPlace = 0xFFFF;
// No batch is so long that it has this row: of what is drawn once for a batch.
constexpr uint32_t kWholeBatch = 0xFFFFFFFF;

std::array<uint32_t, 4> words(const StepDraws& draws, uint32_t number, uint32_t row) {
  const uint32_t high = static_cast<uint32_t>(draws.step >> 32) ^ (kPlace << 16);
  return philox({number, row, static_cast<uint32_t>(draws.step), high}, draws.key);
}

// In (0, 1): the word's middle.
double uniform(uint32_t word) { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

// From Beta(alpha, alpha): Bailey's (1994) Student's t of 2 alpha degrees of freedom, of which the
// symmetric beta is a function (Devroye, "Random variate generation in one line of code", 1996).
double symmetric_beta(double alpha, double u, double v) {
  const double cosine = std::cos(2.0 * std::numbers::pi * v);
  const double w = (std::pow(u, -1.0 / alpha) - 1.0) * cosine * cosine;
  const double size = std::isfinite(w) ? std::sqrt(w / (1.0 + w)) : 1.0;
  return 0.5 + std::copysign(0.5 * size, cosine);
}

// Calls take(j) for `taken` of the features [0, features), any of them being as likely, with one
// look at each: Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S. A
// sample's other draws have counter 0.
template <class Take>
void draw_features(const StepDraws& draws, index_t row, index_t features, index_t taken,
                   Take&& take) {
  std::array<uint32_t, 4> drawn{};
  for (index_t j = 0; j < features && taken > 0; ++j) {
    if (j % 4 == 0) {
      drawn = words(draws, 1 + static_cast<uint32_t>(j / 4), static_cast<uint32_t>(row));
    }
    const double left = static_cast<double>(features - j);
    if (uniform(drawn[static_cast<size_t>(j % 4)]) * left < static_cast<double>(taken)) {
      take(j);
      --taken;
    }
  }
}

}  // namespace

void AugmentSpec::check() const {
  require_field(noisy_copies >= 0, "noisy_copies", ">= 0", static_cast<double>(noisy_copies));
  for (const auto& [name, value] :
       {std::pair{"noise", noise}, {"mixup_alpha", mixup_alpha}, {"cutmix_alpha", cutmix_alpha}}) {
    require_field(value >= 0.0 && std::isfinite(value), name, ">= 0", value);
  }
}

void AugmentSpec::check_samples(index_t samples) const {
  const index_t most = std::numeric_limits<row_t>::max() / std::max<index_t>(samples, 1) - 1;
  require(noisy_copies <= most, "noisy_copies must be at most " + std::to_string(most) + " for " +
                                    std::to_string(samples) + " samples, got " +
                                    std::to_string(noisy_copies));
}

Partner draw_partner(const StepDraws& draws, index_t row, index_t batch_size, double alpha) {
  const auto drawn = words(draws, 0, static_cast<uint32_t>(row));
  const uint64_t partner = (uint64_t{drawn[2]} * static_cast<uint64_t>(batch_size)) >> 32;
  return {static_cast<index_t>(partner),
          symmetric_beta(alpha, uniform(drawn[0]), uniform(drawn[1]))};
}

bool draw_cutmix(const StepDraws& draws) { return words(draws, 0, kWholeBatch)[0] >> 31 == 0; }

template <class T>
std::vector<row_t> epoch_entries(const AugmentSpec& spec, const WeightedRows<T>& training) {
  std::vector<row_t> entries = training.rows;
  if (spec.noisy_copies == 0) return entries;
  entries.reserve(training.rows.size() * static_cast<size_t>(1 + spec.noisy_copies));
  for (index_t copy = 1; copy <= spec.noisy_copies; ++copy) {
    const row_t offset = static_cast<row_t>(copy * training.data->samples);
    for (const row_t row : training.rows) entries.push_back(row + offset);
  }
  return entries;
}

template <class T>
double augment_cost(const AugmentSpec& spec, index_t features) {
  // Measured roughly: the draws of a sample, those of a feature, moving and mixing it.
  constexpr double kDraws = 1000.0, kTaken = 100.0, kNoise = 60.0, kMoved = 10.0;
  if (!spec.any()) return 0.0;
  double of_feature = kMoved;
  if (spec.noisy_copies > 0) of_feature += kNoise;
  if (spec.mixes()) of_feature += kMoved + (spec.noisy_copies > 0 ? kNoise : 0.0);
  if (spec.cutmix_alpha > 0.0) of_feature += kTaken;
  return (spec.mixes() ? kDraws : 0.0) + of_feature * static_cast<double>(features);
}

template <class T>
Augmenter<T>::Augmenter(const AugmentSpec& spec, const NetSpec& net, index_t rows,
                        Workspace& workspace, Team team)
    : spec_(spec), features_(net.inputs()), outputs_(net.outputs()), team_(team) {
  const index_t cells = checked_product(rows, features_, "augmented samples");
  samples_ = workspace.take<T>(cells);
  own_rows_ = workspace.take<row_t>(rows);
  weights_ = workspace.take<T>(rows);
  if (!spec_.mixes()) return;
  others_ = workspace.take<T>(cells);
  other_rows_ = workspace.take<row_t>(rows);
  shares_ = workspace.take<T>(rows);
  other_targets_ = workspace.take<T>(checked_product(rows, outputs_, "targets"));
}

template <class T>
void Augmenter<T>::load(const Dataset<T>& data, row_t entry, index_t place, const StepDraws& draws,
                        T* to) {
  const index_t row = entry % data.samples;
  if (data.sparse) {
    std::fill_n(to, features_, T(0));
    for (int64_t k = data.csr.row_start[row]; k < data.csr.row_start[row + 1]; ++k) {
      to[data.csr.columns[k]] = data.csr.values[k];
    }
  } else {
    std::copy_n(data.dense + row * features_, features_, to);
  }
  if (entry < data.samples) return;
  kernel_table<T>().add_noise(1, features_, draws.key, draws.step, kPlace,
                              static_cast<uint32_t>(place), static_cast<T>(spec_.noise), to,
                              features_, to, features_);
}

// Mixes the sample at `place` of the batch, row i of the block.
template <class T>
void Augmenter<T>::mix(const WeightedRows<T>& training, std::span<const row_t> entries,
                       index_t place, const StepDraws& draws, bool cuts, index_t i) {
  const Dataset<T>& data = *training.data;
  T* const own = samples_ + i * features_;
  T* const other = others_ + i * features_;
  Partner partner = draw_partner(draws, place, static_cast<index_t>(entries.size()),
                                 cuts ? spec_.cutmix_alpha : spec_.mixup_alpha);
  const row_t entry = entries[static_cast<size_t>(partner.row)];
  other_rows_[i] = static_cast<row_t>(entry % data.samples);
  if (training.weight(own_rows_[i]) == 0.0 || training.weight(other_rows_[i]) == 0.0) {
    partner.share = 0.0;
  }
  if (cuts) {
    const double features = static_cast<double>(features_);
    const double taken = std::floor(partner.share * features + 0.5);
    partner.share = taken / features;
    if (taken > 0.0) load(data, entry, partner.row, draws, other);
    draw_features(draws, place, features_, static_cast<index_t>(taken),
                  [&](index_t j) { own[j] = other[j]; });
  } else if (partner.share > 0.0) {
    load(data, entry, partner.row, draws, other);
    const T share = static_cast<T>(partner.share), kept = T(1) - share;
    for (index_t j = 0; j < features_; ++j) own[j] = kept * own[j] + share * other[j];
  }
  shares_[i] = static_cast<T>(partner.share);
}

template <class T>
typename Augmenter<T>::Block Augmenter<T>::make(const TrainingSet<T>& set,
                                                std::span<const row_t> entries, index_t first,
                                                index_t count, const StepDraws& draws, T* targets,
                                                index_t target_stride) {
  const WeightedRows<T>& training = set.training();
  const Dataset<T>& data = *training.data;
  const bool cuts = spec_.cutmix_alpha > 0.0 && (spec_.mixup_alpha == 0.0 || draw_cutmix(draws));
  const index_t size = (count + team_.threads() - 1) / team_.threads();
  team_.each((count + size - 1) / size, [&](index_t part, int) {
    for (index_t i = part * size; i < std::min(count, (part + 1) * size); ++i) {
      const row_t entry = entries[static_cast<size_t>(first + i)];
      own_rows_[i] = static_cast<row_t>(entry % data.samples);
      load(data, entry, first + i, draws, samples_ + i * features_);
      if (spec_.mixes()) mix(training, entries, first + i, draws, cuts, i);
    }
  });
  fill_targets(data, set.label_map(), own_rows_, count, outputs_, targets, target_stride);
  const T* weights = training.weights_of(own_rows_, count, weights_);
  if (spec_.mixes()) {
    fill_targets(data, set.label_map(), other_rows_, count, outputs_, other_targets_, outputs_);
    for (index_t i = 0; i < count; ++i) {
      const T share = shares_[i], kept = T(1) - share;
      for (index_t j = 0; j < outputs_; ++j) {
        T& target = targets[i * target_stride + j];
        target = kept * target + share * other_targets_[i * outputs_ + j];
      }
      if (weights != nullptr) {
        weights_[i] = kept * weights_[i] + share * static_cast<T>(training.weight(other_rows_[i]));
      }
    }
  }
  return {{false, samples_, {}, nullptr, count}, weights};
}

template std::vector<row_t> epoch_entries(const AugmentSpec&, const WeightedRows<float>&);
template std::vector<row_t> epoch_entries(const AugmentSpec&, const WeightedRows<double>&);
template double augment_cost<float>(const AugmentSpec&, index_t);
template double augment_cost<double>(const AugmentSpec&, index_t);
template class Augmenter<float>;
template class Augmenter<double>;

}  // namespace nnhp
