// The way back through rectifiers by tables of subsets' sums, for vectors of sixteen lanes.
//
// A rectifier's slope is 0 or 1, so a unit's Σ x d is the sum of x d over a subset of the rows. Of four rows
// there are sixteen subsets, as many as a register has lanes: for each input a register of all their sums is
// made once, and one permutation by the units' bits reads it for sixteen units, where a product of matrices
// takes four multiplications. This is the "method of four Russians" (Arlazarov, Dinic, Kronrod and Faradzhev,
// Soviet Math. Doklady 11, 1970).

// Inputs and vectors of units whose sums stay in registers.
enum { SUBSET_INPUTS = 5, SUBSET_VECTORS = 4 };

// Whether the row r of four is in each of the sixteen subsets.
static const float subsets[4][16] __attribute__((aligned(64))) = {
    {0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1},
    {0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1},
    {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1},
    {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1},
};

#define AT(pointer) (*(wide_vector *)(pointer))
#define READ(pointer) (*(const wide_vector *)(pointer))

typedef wide_vector subset_sums[SUBSET_INPUTS][SUBSET_VECTORS];

// Of each input and unit the sum of x d over the rows where the unit's bit is set.
INLINE void subset_tile(
    const int inputs, const int vectors, const struct one_hidden *n, size_t groups,
    const float *rows, const uint16_t *bits, const float *slopes, subset_sums result) {
  subset_sums sums;
#pragma clang loop unroll(full)
  for (int i = 0; i < inputs; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sums[i][v] = (wide_vector){0};
  for (size_t g = 0; g < groups; g++) {
    const float *x = rows + g * (n->inputs + 1) * GROUP, *d = slopes + g * GROUP;
    // Only the lowest four bits of an index count: those of the four rows at hand.
    __m512i indices[SUBSET_VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++)
      indices[v] = _mm512_cvtepu16_epi32(
          _mm256_loadu_si256((const __m256i *)(bits + g * n->stride + v * 16)));
#pragma clang loop unroll(disable)
    for (int r = 0; r < GROUP; r += 4) {
      wide_vector terms[4];
#pragma clang loop unroll(full)
      for (int j = 0; j < 4; j++) terms[j] = READ(subsets[j]) * d[r + j];
#pragma clang loop unroll(full)
      for (int i = 0; i < inputs; i++) {
        const float *four = x + i * GROUP + r;
        wide_vector table =
            terms[0] * four[0] + terms[1] * four[1] + terms[2] * four[2] + terms[3] * four[3];
#pragma clang loop unroll(full)
        for (int v = 0; v < vectors; v++)
          sums[i][v] += (wide_vector)_mm512_permutexvar_ps(indices[v], (__m512)table);
      }
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) indices[v] = _mm512_srli_epi32(indices[v], 4);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < inputs; i++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) result[i][v] = sums[i][v];
}

INLINE void subset_inputs(
    const int vectors, size_t inputs, const struct one_hidden *n, size_t groups, const float *rows,
    const uint16_t *bits, const float *slopes, subset_sums result) {
  switch (inputs) {
#define HEIGHT(height) \
  case height: subset_tile(height, vectors, n, groups, rows, bits, slopes, result); break;
    HEIGHT(1) HEIGHT(2) HEIGHT(3) HEIGHT(4) HEIGHT(5)
#undef HEIGHT
  }
}

static void wide_backward_relu(
    const struct one_hidden *n, size_t groups, const float *rows, const float *parameters,
    float *hidden, const float *slopes, float *gradient) {
  const uint16_t *bits = (const uint16_t *)hidden;
  size_t inputs = n->inputs + 1, tiles = (inputs + SUBSET_INPUTS - 1) / SUBSET_INPUTS;
  size_t vectors = (n->units + 15) / 16, panels = (vectors + SUBSET_VECTORS - 1) / SUBSET_VECTORS;
  const float *output_weights = parameters + inputs * n->stride;
  float *output_gradient = gradient + inputs * n->stride;
  for (size_t panel = 0, start = 0; panel < panels; panel++) {
    size_t end = vectors * (panel + 1) / panels;
    for (size_t tile = 0, i = 0; tile < tiles; tile++) {
      size_t next = inputs * (tile + 1) / tiles;
      subset_sums sums;
      switch (end - start) {
#define WIDTH(width) \
  case width: \
    subset_inputs( \
        width, next - i, n, groups, rows + i * GROUP, bits + start * 16, slopes, sums); \
    break;
        WIDTH(1) WIDTH(2) WIDTH(3) WIDTH(4)
#undef WIDTH
      }
      for (size_t k = 0; i < next; i++, k++)
        for (size_t v = start; v < end; v++) {
          size_t place = i * n->stride + v * 16;
          wide_vector sum = sums[k][v - start];
          AT(gradient + place) += sum * READ(output_weights + v * 16);
          // A rectifier's value is its slope times its pre-activation, so Σ h d = Σ w (Σ x d).
          AT(output_gradient + v * 16) += sum * READ(parameters + place);
        }
    }
    start = end;
  }
}

#undef AT
#undef READ
