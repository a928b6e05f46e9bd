// Kernels of a graph network's embeddings, in float32.
//
// C, because clang compiles each function for several vector widths and the loader picks one
// (target_clones), which Swift cannot ask for. Each element is summed in one fixed order.
//
// Matrices are row-major, a row a node. Weights are `inputs × outputs`, each input's weights side
// by side.
#ifndef EMBEDDING_KERNELS_H
#define EMBEDDING_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// y[rows × outputs] = x[rows × inputs] w + bias (none where null), and max(·, 0) where `relu`.
void embedding_linear(
    size_t rows, size_t inputs, size_t outputs, const float *x, const float *w, const float *bias,
    int relu, float *y);
// w[inputs × outputs] += xᵀ d, bias[outputs] += column sums of d.
void embedding_weight_gradient(
    size_t rows, size_t inputs, size_t outputs, const float *x, const float *d, float *w,
    float *bias);
// y[rows × columns] = A x with A in compressed rows: row r has the entries start[r]..<start[r + 1].
void embedding_product(
    size_t rows, size_t columns, const int32_t *start, const int32_t *index, const float *weight,
    const float *x, float *y);
// Keeps of a matrix in compressed rows only the rows `kept` and the columns whose `place` is not
// negative, which it renames to that place. `newIndex` and `newWeight` have room for all entries of
// the rows kept. Returns the number of entries.
size_t embedding_compress(
    size_t rows, const int32_t *kept, const int32_t *start, const int32_t *index,
    const float *weight, const int32_t *place, int32_t *newStart, int32_t *newIndex,
    float *newWeight);

// Scoring without gradients: embeddings have EMBEDDING_WIDTH numbers, a row a node of a whole layer.

enum { EMBEDDING_WIDTH = 64 };

// Nodes lie as (channels, height, width).
typedef struct {
  int32_t in_channels, in_height, in_width, out_channels, out_height, out_width;
  int32_t kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
} embedding_convolution;

// For each output that is wanted: sums = Σ weight x and totals = Σ weight over the active
// inputs of its window. Weights lie as [kernel row][kernel column][input channel][output channel].
// `scratch` has room for 2 × kernel height × kernel width × input channels + output channels numbers.
void embedding_windows(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals);
// The same from outputs to inputs (`active` is of the outputs, `wanted` of the inputs).
// Weights lie as [kernel row][kernel column][output channel][input channel]; `scratch` has room for
// 2 × kernel height × kernel width × output channels + input channels numbers.
void embedding_windows_transposed(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals);
// The same of a dense layer: weights [outputs][inputs], `scratch` 2 × inputs + outputs numbers.
void embedding_dense(
    size_t inputs, size_t outputs, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals);

// y = Σ_b scale_b (x W_b + total q_b) + bias + add, and max(·, 0) where `relu`, for `count` nodes.
//
// x and totals are at the nodes `from`, y at the nodes `to` (null: 0, 1, …); `scales` are [blocks][count]
// (null: ones), `add` is [count][EMBEDDING_WIDTH]; it and `bias` may be null. `w` has for each block EMBEDDING_WIDTH rows of
// W_b and, unless `totals` is null, the row q_b. At most EMBEDDING_BLOCKS blocks.
enum { EMBEDDING_BLOCKS = 3 };
void embedding_nodes(
    size_t count, const int32_t *from, const int32_t *to, size_t blocks, const float *scales,
    const float *x, const float *totals, const float *w, const float *bias, const float *add,
    int relu, float *y);

// The same for rows of which many numbers are 0, since a rectifier made them: only the others are read,
// and blocks whose scale is 0 are left out. With `scales` each block has the row q_b and its total is 1.
void embedding_rectified(
    size_t count, const int32_t *from, const int32_t *to, size_t blocks, const float *scales,
    const float *x, const float *w, const float *bias, const float *add, int relu, float *y);

// One number a node instead of an embedding, all outputs: y = Wᵀ x.
//
// Weights lie as [output channel][kernel row][kernel column][input channel], each output channel's
// padded with zeros to `embedding_spread_width`; `scratch` has room for so many numbers and all inputs.
static inline size_t embedding_spread_width(const embedding_convolution *shape) {
  size_t count = (size_t)shape->kernel_height * (size_t)shape->kernel_width * (size_t)shape->in_channels;
  return (count + 31) / 32 * 32;
}
void embedding_spread(
    const embedding_convolution *shape, const float *weights, const float *x, float *scratch,
    float *y);
// The same of a dense layer: weights [outputs][inputs].
void embedding_spread_dense(
    size_t inputs, size_t outputs, const float *weights, const float *x, float *y);

#endif
