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

// For each output with `wanted` at its pixel: sums = Σ weight x and totals = Σ weight over the active
// inputs of its window. Weights lie as [kernel row][kernel column][input channel][output channel].
// `scratch` has room for 2 × kernel height × kernel width × input channels numbers.
void embedding_windows(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals);
// The same from outputs to inputs (`active` is of the outputs, `wanted` of the inputs).
// Weights lie as [kernel row][kernel column][output channel][input channel]; `scratch` has room for
// 2 × kernel height × kernel width × output channels numbers.
void embedding_windows_transposed(
    const embedding_convolution *shape, const float *weights, const uint8_t *active,
    const uint8_t *wanted, const float *x, uint32_t *scratch, float *sums, float *totals);
// The same of a dense layer, all outputs: weights [inputs][outputs], `scratch` 2 × inputs numbers.
void embedding_dense(
    size_t inputs, size_t outputs, const float *weights, const uint8_t *active, const float *x,
    uint32_t *scratch, float *sums, float *totals);

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

#endif
