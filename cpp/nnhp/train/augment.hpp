// Data augmentation: what a training step sees instead of its batch's samples as they are. All
// draws are functions of (key, step, row of the batch), whatever blocks and threads.
#pragma once

#include <span>

#include "nnhp/base/parallel.hpp"
#include "nnhp/train/training_set.hpp"

namespace nnhp {

struct AugmentSpec {
  // Each epoch also sees so many copies of every sample, with Gaussian noise of this standard
  // deviation on the features.
  index_t noisy_copies = 0;
  double noise = 0.0;
  // If positive, each sample is mixed with another of its batch, whose share is drawn from
  // Beta(alpha, alpha). Mixup (Zhang et al., 2018) mixes all features by that share; CutMix (Yun et
  // al., 2019) takes so large a share of the features as they are, rounded to whole ones, and the
  // target's share follows. With both, a fair coin chooses for each batch.
  double mixup_alpha = 0.0;
  double cutmix_alpha = 0.0;

  bool any() const { return noisy_copies > 0 || mixes(); }
  bool mixes() const { return mixup_alpha > 0.0 || cutmix_alpha > 0.0; }
  // Throws std::invalid_argument naming the field that is out of range.
  void check() const;
  // The same where the copies of so many samples cannot be numbered.
  void check_samples(index_t samples) const;
};

// Names the draws of one step.
struct StepDraws {
  uint64_t key;
  uint64_t step;
};

// Another sample of the batch, any of them being as likely, and the share that is its.
struct Partner {
  index_t row;
  double share;
};
Partner draw_partner(const StepDraws& draws, index_t row, index_t batch_size, double alpha);
// Whether a batch's samples take over features instead of being mixed, where both are asked for.
bool draw_cutmix(const StepDraws& draws);

// Numbers each copy of each sample: entry row + copy * samples stands for copy `copy` of `row`,
// where copy 0 is the sample itself. The rows of an epoch, in their first order: all as they are,
// then all with noise, as often as there are copies.
template <class T>
std::vector<row_t> epoch_entries(const AugmentSpec& spec, const WeightedRows<T>& training);

// What it costs for one sample, as in nn/cost.hpp.
template <class T>
double augment_cost(const AugmentSpec& spec, index_t features);

// Puts blocks of augmented samples together.
template <class T>
class Augmenter {
 public:
  // Scratch for blocks of `rows` samples of `net`, taken from `workspace`, which may be a counting
  // one.
  Augmenter(const AugmentSpec& spec, const NetSpec& net, index_t rows, Workspace& workspace,
            Team team);

  struct Block {
    SampleRows<T> samples;
    const T* weights;  // null: all 1
  };
  // Rows [first, first + count) of the batch that the entries list, with their targets. Valid until
  // the next call. A sample that weighs nothing is mixed into no other, and none into it.
  Block make(const TrainingSet<T>& set, std::span<const row_t> entries, index_t first,
             index_t count, const StepDraws& draws, T* targets, index_t target_stride);

 private:
  void load(const Dataset<T>& data, row_t entry, index_t place, const StepDraws& draws, T* to);
  void mix(const WeightedRows<T>& training, std::span<const row_t> entries, index_t place,
           const StepDraws& draws, bool cuts, index_t i);

  const AugmentSpec spec_;
  const index_t features_, outputs_;
  const Team team_;
  T* samples_;       // [rows x features]
  row_t* own_rows_;  // of the dataset
  T* weights_;
  T* others_ = nullptr;  // what is mixed in: features, rows of the dataset, shares, targets
  row_t* other_rows_ = nullptr;
  T* shares_ = nullptr;
  T* other_targets_ = nullptr;
};

extern template std::vector<row_t> epoch_entries(const AugmentSpec&, const WeightedRows<float>&);
extern template std::vector<row_t> epoch_entries(const AugmentSpec&, const WeightedRows<double>&);
extern template double augment_cost<float>(const AugmentSpec&, index_t);
extern template double augment_cost<double>(const AugmentSpec&, index_t);
extern template class Augmenter<float>;
extern template class Augmenter<double>;

}  // namespace nnhp
