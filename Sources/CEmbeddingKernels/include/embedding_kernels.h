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

#endif
