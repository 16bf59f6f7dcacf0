// Forward and backward passes over a block of samples.
//
// A batch of any size is cut into blocks of rows, so that a block's activations stay in cache and
// the stop token is read often. Gradients add up over blocks in one chain, so the cut changes no
// bit.
#pragma once

#include <functional>
#include <limits>
#include <vector>

#include "nnhp/base/parallel.hpp"
#include "nnhp/base/workspace.hpp"
#include "nnhp/nn/loss.hpp"
#include "nnhp/nn/stages.hpp"

namespace nnhp {

// Where a block's samples come from: `count` rows of a dense or of a sparse matrix, those that
// `rows` lists or, if it is null, the first ones.
template <class T>
struct SampleRows {
  bool sparse = false;
  const T* dense = nullptr;  // [? x inputs], rows without gaps
  CsrRows<T> csr{};
  const row_t* rows = nullptr;
  index_t count = 0;
};

inline constexpr index_t kAnyRows = std::numeric_limits<index_t>::max();

// Updates the parameters [at, at + n) by their complete gradient, which it may change; returns the
// sums that the penalty on them needs. Called by several threads at once, for ranges apart.
template <class T>
using Update = std::function<PenaltySums(index_t at, index_t n, bool weights, T* gradient)>;

template <class T>
class Backprop {
 public:
  // Scratch for blocks of up to block_rows() samples of `net`, or `most_rows` if that is less,
  // taken from `workspace`, which may be a counting one. `training` adds what the backward pass
  // needs; where batches are normalized, blocks of up to `most_rows` samples can then be trained
  // on. `gathers` tells whether blocks may be listed rows of a dense matrix (stages of the inputs
  // imply it). The passes are made by `team`, whose size changes no bit: columns of the products
  // are shared out, never the sum over rows or inputs.
  Backprop(const NetSpec& net, bool training, Workspace& workspace, bool gathers = true,
           index_t most_rows = kAnyRows, Team team = Team());

  // Samples of a block for `net`: enough to use the kernels' tiles well, few enough that the
  // activations of all layers stay in the second-level cache.
  static index_t block_rows(const NetSpec& net);
  // Samples of a block in training: a whole batch where batches are normalized.
  static index_t training_rows(const NetSpec& net, index_t batch);

  // Rows of a weight matrix that are updated by one call: some thousand weights, whole vectors of
  // inputs. Of the net alone, for each call sums its part of the penalty.
  static index_t piece_rows(const LayerSpec& layer);

  // Lets backward() leave out the gradient of these layers, and end above the lowest of the others.
  // Their batch normalizations take their moving statistics, which stay.
  void freeze(const std::vector<index_t>& layers);
  // Makes the gradient of these layers' biases 0, with which no optimizer moves biases of 0.
  void hold_biases(const std::vector<index_t>& layers);
  // To be called once the workspace has memory, before anything else.
  void clear();

  // Leaves the activated outputs in outputs() [count x outputs, stride output_stride()]. Where
  // `layers` are fewer than the net has, these are the outputs of the last of them.
  void forward(const T* parameters, const SampleRows<T>& samples, const DropoutDraw* draw,
               size_t layers = std::numeric_limits<size_t>::max());
  const T* outputs() const { return outputs_; }
  index_t output_stride() const { return output_stride_; }

  // Targets of the block, to be filled before each loss(); scratch [block_rows x outputs].
  T* targets() { return targets_; }
  // Sum over the block of the samples' losses (weighted by `weights` unless null). Smooths the
  // targets where the spec says so.
  double loss(const LossSpec& spec, index_t count, const T* weights);
  // The same, preparing backward().
  double loss_and_delta(const LossSpec& spec, index_t count, const T* weights);
  // Adds (or, for the first block of a batch, writes) the gradient of the summed loss, in the
  // layout of the parameters, as far as they are trained. Follows forward() and loss_and_delta() of
  // the same block, whose parameters must still be there.
  void backward(const SampleRows<T>& samples, bool first_block, T* gradient);
  // The same for a batch's last block, followed by the update of the parameters, piece by piece
  // while a piece's gradient is in cache; `gradient` holds nothing of use afterwards. Returns the
  // penalty's sums.
  PenaltySums backward(const SampleRows<T>& samples, bool first_block, T* gradient,
                       const Update<T>& update);
  // Moves the moving statistics in `parameters` towards those of the batch, the block that was last
  // trained on.
  void update_statistics(T* parameters) const;

 private:
  struct Layer {
    bool narrow = false;  // which product makes the sums
    index_t stride = 0;   // of the next two [count x units]
    T* sums = nullptr;
    T* delta = nullptr;  // derivative of the loss by the sums
    bool holds_biases = false;
    Stages<T> stages;
    // Its weights are cut by rows: pieces are updated by one call each, and strips of whole pieces
    // are what one thread works on at once.
    index_t piece = 0, pieces = 0;                    // rows of one; their number
    index_t strip = 0, strip_pieces = 0, strips = 0;  // rows and pieces of one; their number
  };

  using LossKernels = decltype(KernelTable<T>::loss);

  double run_loss(const LossSpec& spec, const LossKernels& kernels, index_t count, const T* weights,
                  T* delta);
  void smooth(const LossSpec& spec, index_t count);
  bool packs(const LayerSpec& output) const;
  void load_inputs(const T* parameters, const SampleRows<T>& samples, const DropoutDraw* draw);
  void scatter(const SampleRows<T>& samples);
  // Whether something that comes before layer l is trained.
  bool descends(size_t l) const { return l > lowest_ || trains_inputs_; }
  void descend(size_t l, index_t count, T* gradient, bool accumulate) const;
  void update_stages(const std::vector<Stage>& stages, const Update<T>& update, T* gradient) const;
  void cut_weights(const LayerSpec& spec, Layer& layer) const;

  const NetSpec& net_;
  const KernelTable<T>& kernel_;
  const Team team_;
  std::vector<StageScratch<T>> scratch_;  // of the stages of the inputs, then of the layers
  std::vector<Layer> layers_;
  std::vector<bool> frozen_;             // of each layer
  size_t lowest_ = 0;                    // layer that is not
  std::vector<PenaltySums> piece_sums_;  // of one layer
  T* gathered_ = nullptr;                // samples copied together [block_rows x inputs]
  index_t gathered_stride_ = 0;
  Stages<T> input_stages_;
  bool trains_inputs_ = false;
  const T* parameters_ = nullptr;  // of the last forward()
  const T* outputs_ = nullptr;
  index_t output_stride_ = 0;
  const T* inputs_ = nullptr;  // the block as a dense matrix; null while it is used as a sparse one
  index_t input_stride_ = 0;
  T* targets_ = nullptr;
  T* zeros_ = nullptr;  // [widest]
};

extern template class Backprop<float>;
extern template class Backprop<double>;

}  // namespace nnhp
