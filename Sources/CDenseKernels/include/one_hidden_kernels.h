// A network of one hidden layer and one output in float32, forwards and backwards, with rows as lanes.
//
// Rows lie in groups of 16, `groups × (inputs + 1) × 16`: after a row's inputs comes a 1, so that a bias is
// one more weight. What fills up the last group is 0.
//
// Parameters and their gradient are `(inputs + 1) × stride` weights and biases, `stride` output weights, and
// the output's bias. Units are padded with zeros to the stride, a multiple of 16.
#ifndef ONE_HIDDEN_KERNELS_H
#define ONE_HIDDEN_KERNELS_H

#include <stddef.h>

// Rows of a group.
enum { ONE_HIDDEN_GROUP = 16 };

// Vector widths, from what every processor has to AVX2 and AVX-512.
enum one_hidden_width { ONE_HIDDEN_NARROW, ONE_HIDDEN_MIDDLE, ONE_HIDDEN_WIDE };

struct one_hidden {
  size_t inputs;
  size_t units;
  size_t stride;
  int is_relu;  // tanh otherwise
  enum one_hidden_width width;
};

// The widest that this processor has.
enum one_hidden_width one_hidden_widest(void);

// out[groups × 16] = the network's outputs for `rows`. `hidden`, `groups × stride × 16` floats that start as
// zeros and belong to these two functions, keeps what the way back needs.
void one_hidden_forward(
    const struct one_hidden *network, size_t groups, const float *rows, const float *parameters,
    float *hidden, float *out);
// gradient += the loss's derivatives by the parameters, after one_hidden_forward of the same, where
// `slopes`[groups × 16] are its derivatives by the outputs, 0 in what fills up the last group.
void one_hidden_backward(
    const struct one_hidden *network, size_t groups, const float *rows, const float *parameters,
    float *hidden, const float *slopes, float *gradient);

#endif
