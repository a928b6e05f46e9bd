// What Tensors and the library that sees LibTorch say to each other: plain C, so that neither needs
// the other's headers, and one table of functions, so that a program that never makes a tensor never
// loads LibTorch (half a second and 170 MB).
//
// Ownership: a tensor, list or text that crosses this boundary belongs to its receiver, unless it is
// lent. A caller gives each argument away, also where the call fails.

#ifndef CTORCH_INTERFACE_H
#define CTORCH_INTERFACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Raised with each change of this file: a library of another version is refused.
#define CTORCH_VERSION 1

/// The symbol, a `CTorchOpen`, that the library exports.
#define CTORCH_ENTRY "ctorch_open"

/// A reference to a tensor that counts as one owner.
typedef struct CTorchTensorObject *CTorchTensor;

/// An operator that the dispatcher found; lives as long as the process.
typedef struct CTorchOperatorObject *CTorchOperator;

/// A generator of random numbers of the library's own.
typedef struct CTorchGeneratorObject *CTorchGenerator;

typedef enum CTorchKind {
  CTORCH_NONE,
  CTORCH_TENSOR,
  /// A tensor that stays the caller's, who keeps it alive through the call.
  CTORCH_LENT_TENSOR,
  CTORCH_INTEGER,
  CTORCH_REAL,
  CTORCH_BOOLEAN,
  /// Zero-terminated, from malloc.
  CTORCH_TEXT,
  /// `integer` is the number that the library gives an element type.
  CTORCH_ELEMENT_TYPE,
  /// `integer` is -1 for the CPU, else the CUDA device's index.
  CTORCH_DEVICE,
  CTORCH_GENERATOR,
  /// Lists hold `count` elements from malloc, or null where `count` is 0.
  CTORCH_INTEGERS,
  CTORCH_REALS,
  CTORCH_BOOLEANS,
  /// A null element is an absent tensor.
  CTORCH_TENSORS,
} CTorchKind;

/// An argument or a result of an operator.
typedef struct CTorchValue {
  int32_t kind;
  int64_t count;
  union {
    CTorchTensor tensor;
    int64_t integer;
    double real;
    char *text;
    CTorchGenerator generator;
    int64_t *integers;
    double *reals;
    bool *booleans;
    CTorchTensor *tensors;
  };
} CTorchValue;

/// Facts of a tensor that cost no copy. `sizes` and `strides` stay the tensor's own.
typedef struct CTorchFacts {
  const int64_t *sizes;
  const int64_t *strides;
  int64_t rank;
  int64_t count;
  int32_t element_type;
  /// -1 for the CPU, else the CUDA device's index.
  int32_t device;
} CTorchFacts;

/// A function that can fail returns false (or null, or a negative number) and leaves in `*error` a
/// text from malloc.
typedef struct CTorchFunctions {
  // MARK: Operators

  /// Finds an operator by its schema's name, such as `aten::add.Tensor`.
  CTorchOperator (*find)(const char *name, char **error);
  /// The operator's schema as text, from malloc.
  char *(*schema)(CTorchOperator);
  /// The position of the argument of that name in the schema, or -1.
  int32_t (*position)(CTorchOperator, const char *name);
  /// Calls an operator boxed, through the dispatcher; arguments left out at the end and those of
  /// kind `CTORCH_NONE` take the schema's defaults. Returns the number of results, or -1.
  int32_t (*call)(
    CTorchOperator, CTorchValue *arguments, int32_t count, CTorchValue *results, int32_t capacity,
    char **error);

  // MARK: Tensors

  /// A new contiguous tensor of undefined content, with the address of its bytes where it is on the
  /// CPU.
  CTorchTensor (*make)(
    const int64_t *sizes, int64_t rank, int32_t element_type, int32_t device, void **bytes,
    char **error);
  CTorchTensor (*retain)(CTorchTensor);
  void (*release)(CTorchTensor);
  void (*facts)(CTorchTensor, CTorchFacts *facts);
  /// The address of the first element, or null where it is not on the CPU.
  void *(*bytes)(CTorchTensor);
  bool (*is_contiguous)(CTorchTensor);
  /// Whether nobody else, neither a view nor a recorded graph, looks at the tensor's memory.
  bool (*is_unshared)(CTorchTensor);

  // MARK: Derivatives

  bool (*needs_gradient)(CTorchTensor);
  /// Makes a tensor that no operator recorded a leaf that asks for gradients, or no longer does.
  bool (*set_needs_gradient)(CTorchTensor, bool, char **error);
  /// Vector-Jacobian products; a null cotangent stands for one, a null gradient for "unused".
  bool (*gradients)(
    const CTorchTensor *outputs, const CTorchTensor *cotangents, int64_t output_count,
    const CTorchTensor *inputs, CTorchTensor *gradients, int64_t input_count, bool keeps_graph,
    bool makes_graph, char **error);
  /// Sets whether this thread records a graph; returns what it was.
  bool (*set_records_graph)(bool);
  uint64_t (*enter_dual_level)(char **error);
  void (*exit_dual_level)(uint64_t);

  // MARK: The library

  void (*set_threads)(int32_t);
  int32_t (*threads)(void);
  void (*set_deterministic)(bool);
  CTorchGenerator (*make_generator)(uint64_t seed, char **error);
  /// Another owner of the same generator.
  CTorchGenerator (*retain_generator)(CTorchGenerator);
  void (*release_generator)(CTorchGenerator);
  /// The number of CUDA devices.
  int32_t (*cuda_devices)(void);
  /// The library's version, from malloc.
  char *(*version)(void);
  /// The file that matrix products come from, from malloc; empty where it cannot be told.
  char *(*blas)(void);
} CTorchFunctions;

/// The table for that version, or null.
typedef const CTorchFunctions *(*CTorchOpen)(int32_t version);

#endif
