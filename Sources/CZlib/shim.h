#pragma once
#include <string.h>
#include <zlib.h>

// zlib's inflateInit2 and deflateInit2 are macros, which Swift cannot call.
static inline int pipeline_inflate_init(z_stream *stream, int window_bits) {
  memset(stream, 0, sizeof *stream);
  return inflateInit2(stream, window_bits);
}
