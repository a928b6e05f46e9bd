// The only code that sees LibTorch. It finds operators by schema name in the ATen dispatcher and
// calls them boxed: one generic call instead of a wrapper per operator. Only the signatures of
// elementwise arithmetic, where boxes cost as much as the work, are called without.

#include "CTorch.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Functions.h>
#include <ATen/Parallel.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <exception>
#include <malloc.h>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <unordered_map>
#include <vector>

using c10::IValue;

/// How an argument of a schema is to be boxed.
enum class Expected {
  tensor, tensors, optionalTensors, integer, integers, real, reals, boolean, booleans, number,
  text, device, generator, other
};

struct ExpectedArgument {
  Expected kind;
  bool isOptional;
  /// How many integers a single one stands for, such as 2 for `int[2]`; 0 where it must be a list.
  int64_t broadcast;
  /// Whether it may be left out, and what stands for it then.
  bool hasDefault;
  IValue defaultValue;
};

/// The signatures that are called without boxes; T is a tensor, S a number.
enum class Direct { none, T, TT, TTS, TS, TSS };

using FunctionT = at::Tensor(const at::Tensor &);
using FunctionTT = at::Tensor(const at::Tensor &, const at::Tensor &);
using FunctionTTS = at::Tensor(const at::Tensor &, const at::Tensor &, const at::Scalar &);
using FunctionTS = at::Tensor(const at::Tensor &, const at::Scalar &);
using FunctionTSS = at::Tensor(const at::Tensor &, const at::Scalar &, const at::Scalar &);

struct CTorchOperatorObject {
  c10::OperatorHandle handle;
  std::string name;
  std::vector<ExpectedArgument> arguments;
  Direct direct;
};

struct CTorchGeneratorObject {
  at::Generator generator;
};

namespace {

char *copied(const std::string &text) { return strdup(text.c_str()); }

/// Runs `body`; whatever the library throws becomes a text, so that nothing unwinds into Swift.
template <typename Result, typename Body>
Result guarded(char **error, Result failure, Body body) noexcept {
  try {
    return body();
  } catch (const c10::Error &thrown) {
    // The backtrace that `what` adds says nothing to a user.
    *error = copied(thrown.what_without_backtrace());
  } catch (const std::exception &thrown) {
    *error = copied(thrown.what());
  } catch (...) {
    *error = copied("an unknown C++ exception");
  }
  return failure;
}

// MARK: Tensors and their pointers

at::Tensor taken(CTorchTensor pointer) {
  return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(
    reinterpret_cast<c10::TensorImpl *>(pointer)));
}

CTorchTensor given(at::Tensor tensor) {
  return tensor.defined()
    ? reinterpret_cast<CTorchTensor>(tensor.unsafeReleaseTensorImpl()) : nullptr;
}

c10::TensorImpl *implementation(CTorchTensor pointer) {
  return reinterpret_cast<c10::TensorImpl *>(pointer);
}

CTorchTensor retain(CTorchTensor pointer) {
  c10::raw::intrusive_ptr::incref(implementation(pointer));
  return pointer;
}

void release(CTorchTensor pointer) {
  c10::raw::intrusive_ptr::decref(implementation(pointer));
}

/// Another owner of the tensor, which the caller keeps.
at::Tensor borrowed(CTorchTensor pointer) {
  return pointer == nullptr ? at::Tensor() : taken(retain(pointer));
}

c10::Device deviceNumbered(int64_t number) {
  return number < 0
    ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(number));
}

int32_t numberOf(c10::Device device) {
  return device.is_cpu() ? -1 : (device.has_index() ? device.index() : 0);
}

// MARK: Finding operators

ExpectedArgument expectation(const c10::Argument &argument) {
  ExpectedArgument result{
    Expected::other, false, argument.N() ? *argument.N() : 0, argument.default_value().has_value(),
    argument.default_value() ? *argument.default_value() : IValue()};
  auto type = argument.real_type();
  if (auto optional = type->cast<c10::OptionalType>()) {
    result.isOptional = true;
    type = optional->getElementType();
  }
  auto elements = [](const c10::TypePtr &list) -> Expected {
    switch (list->kind()) {
    case c10::TypeKind::TensorType: return Expected::tensors;
    case c10::TypeKind::OptionalType: return Expected::optionalTensors;
    case c10::TypeKind::IntType:
    case c10::TypeKind::SymIntType: return Expected::integers;
    case c10::TypeKind::FloatType: return Expected::reals;
    case c10::TypeKind::BoolType: return Expected::booleans;
    default: return Expected::other;
    }
  };
  switch (type->kind()) {
  case c10::TypeKind::TensorType: result.kind = Expected::tensor; break;
  // Element types, layouts and memory formats are integers of their own types here.
  case c10::TypeKind::ScalarTypeType:
  case c10::TypeKind::LayoutType:
  case c10::TypeKind::MemoryFormatType:
  case c10::TypeKind::SymIntType:
  case c10::TypeKind::IntType: result.kind = Expected::integer; break;
  case c10::TypeKind::FloatType: result.kind = Expected::real; break;
  case c10::TypeKind::BoolType: result.kind = Expected::boolean; break;
  case c10::TypeKind::NumberType: result.kind = Expected::number; break;
  case c10::TypeKind::StringType: result.kind = Expected::text; break;
  case c10::TypeKind::DeviceObjType: result.kind = Expected::device; break;
  case c10::TypeKind::GeneratorType: result.kind = Expected::generator; break;
  case c10::TypeKind::ListType:
    result.kind = elements(type->castRaw<c10::ListType>()->getElementType());
    break;
  default: break;
  }
  return result;
}

/// The direct signature of an operator that only reads its arguments, if it has one.
Direct directSignature(
  const c10::OperatorHandle &handle, const std::vector<ExpectedArgument> &arguments
) {
  const auto &schema = handle.schema();
  if (
    schema.is_mutable() || schema.returns().size() != 1
    || schema.returns()[0].type()->kind() != c10::TypeKind::TensorType
    || schema.returns()[0].alias_info() != nullptr) {
    return Direct::none;
  }
  std::string letters;
  for (const auto &argument : arguments) {
    letters += argument.isOptional ? '-' : argument.kind == Expected::tensor ? 'T'
      : argument.kind == Expected::number ? 'S' : '-';
  }
  try {
    // `typed` throws where the operator was registered with another C++ signature.
    if (letters == "T") { handle.typed<FunctionT>(); return Direct::T; }
    if (letters == "TT") { handle.typed<FunctionTT>(); return Direct::TT; }
    if (letters == "TTS") { handle.typed<FunctionTTS>(); return Direct::TTS; }
    if (letters == "TS") { handle.typed<FunctionTS>(); return Direct::TS; }
    if (letters == "TSS") { handle.typed<FunctionTSS>(); return Direct::TSS; }
  } catch (const std::exception &) {
  }
  return Direct::none;
}

/// A sentence for an operator that is not there: its overloads, or that there are none.
std::string unknown(const std::string &name, const std::string &overload) {
  std::string overloads;
  for (const auto &known : c10::Dispatcher::singleton().getAllOpNames()) {
    if (known.name == name) {
      overloads += (overloads.empty() ? "" : ", ") + name
        + (known.overload_name.empty() ? "" : "." + known.overload_name);
    }
  }
  return overloads.empty()
    ? "LibTorch " TORCH_VERSION " has no operator of this name"
    : "the operator has no overload '" + overload + "'; name one of " + overloads;
}

CTorchOperator find(const char *fullName, char **error) {
  return guarded<CTorchOperator>(error, nullptr, [&]() -> CTorchOperator {
    static std::mutex mutex;
    static std::unordered_map<std::string, std::unique_ptr<CTorchOperatorObject>> found;
    std::lock_guard<std::mutex> lock(mutex);
    if (auto known = found.find(fullName); known != found.end()) {
      return known->second.get();
    }
    std::string name = fullName;
    std::string overload;
    if (auto dot = name.find('.'); dot != std::string::npos) {
      overload = name.substr(dot + 1);
      name.resize(dot);
    }
    auto handle = c10::Dispatcher::singleton().findSchema({name, overload});
    if (!handle) {
      *error = copied(unknown(name, overload));
      return nullptr;
    }
    auto result = std::make_unique<CTorchOperatorObject>(
      CTorchOperatorObject{*handle, fullName, {}, Direct::none});
    for (const auto &argument : handle->schema().arguments()) {
      result->arguments.push_back(expectation(argument));
    }
    result->direct = directSignature(*handle, result->arguments);
    return found.emplace(fullName, std::move(result)).first->second.get();
  });
}

char *schema(CTorchOperator found) {
  std::ostringstream text;
  text << found->handle.schema();
  return copied(text.str());
}

int32_t position(CTorchOperator found, const char *name) {
  const auto &arguments = found->handle.schema().arguments();
  for (size_t index = 0; index < arguments.size(); index++) {
    if (arguments[index].name() == name) {
      return static_cast<int32_t>(index);
    }
  }
  return -1;
}

// MARK: Boxing

const char *described(int32_t kind) {
  switch (kind) {
  case CTORCH_NONE: return "nothing";
  case CTORCH_TENSOR:
  case CTORCH_LENT_TENSOR: return "a tensor";
  case CTORCH_INTEGER: return "an integer";
  case CTORCH_REAL: return "a real number";
  case CTORCH_BOOLEAN: return "a boolean";
  case CTORCH_TEXT: return "a text";
  case CTORCH_ELEMENT_TYPE: return "an element type";
  case CTORCH_DEVICE: return "a device";
  case CTORCH_GENERATOR: return "a generator";
  case CTORCH_INTEGERS: return "integers";
  case CTORCH_REALS: return "real numbers";
  case CTORCH_BOOLEANS: return "booleans";
  case CTORCH_TENSORS: return "tensors";
  default: return "something unknown";
  }
}

/// Frees what the callee owns of a value.
void discard(CTorchValue &value) {
  switch (value.kind) {
  case CTORCH_TENSOR:
    if (value.tensor != nullptr) {
      release(value.tensor);
    }
    break;
  case CTORCH_TEXT: free(value.text); break;
  case CTORCH_GENERATOR: delete value.generator; break;
  case CTORCH_INTEGERS: free(value.integers); break;
  case CTORCH_REALS: free(value.reals); break;
  case CTORCH_BOOLEANS: free(value.booleans); break;
  case CTORCH_TENSORS:
    for (int64_t index = 0; index < value.count; index++) {
      if (value.tensors[index] != nullptr) {
        release(value.tensors[index]);
      }
    }
    free(value.tensors);
    break;
  default: break;
  }
  value.kind = CTORCH_NONE;
}

// MARK: Describing a call that failed

std::string shown(CTorchTensor pointer) {
  if (pointer == nullptr) {
    return "nothing";
  }
  auto tensor = implementation(pointer);
  std::ostringstream text;
  switch (c10::typeMetaToScalarType(tensor->dtype())) {
  case c10::ScalarType::Byte: text << "uint8"; break;
  case c10::ScalarType::Char: text << "int8"; break;
  case c10::ScalarType::Short: text << "int16"; break;
  case c10::ScalarType::Int: text << "int32"; break;
  case c10::ScalarType::Long: text << "int64"; break;
  case c10::ScalarType::Half: text << "float16"; break;
  case c10::ScalarType::Float: text << "float32"; break;
  case c10::ScalarType::Double: text << "float64"; break;
  case c10::ScalarType::Bool: text << "bool"; break;
  case c10::ScalarType::BFloat16: text << "bfloat16"; break;
  default: text << c10::toString(c10::typeMetaToScalarType(tensor->dtype()));
  }
  text << tensor->sizes();
  return text.str();
}

template <typename Element>
std::string shown(const Element *values, int64_t count) {
  std::ostringstream text;
  text << "[";
  for (int64_t index = 0; index < count; index++) {
    text << (index == 0 ? "" : ", ") << values[index];
  }
  text << "]";
  return text.str();
}

std::string shown(const CTorchValue &value) {
  switch (value.kind) {
  case CTORCH_TENSOR:
  case CTORCH_LENT_TENSOR: return shown(value.tensor);
  case CTORCH_INTEGER: return std::to_string(value.integer);
  case CTORCH_REAL: { std::ostringstream text; text << value.real; return text.str(); }
  case CTORCH_BOOLEAN: return value.integer ? "true" : "false";
  case CTORCH_TEXT: return "'" + std::string(value.text) + "'";
  case CTORCH_ELEMENT_TYPE:
    return c10::toString(static_cast<c10::ScalarType>(value.integer));
  case CTORCH_DEVICE:
    return value.integer < 0 ? "cpu" : "cuda:" + std::to_string(value.integer);
  case CTORCH_INTEGERS: return shown(value.integers, value.count);
  case CTORCH_REALS: return shown(value.reals, value.count);
  case CTORCH_BOOLEANS: return shown(value.booleans, value.count);
  case CTORCH_TENSORS: {
    std::string text = "[";
    for (int64_t index = 0; index < value.count; index++) {
      text += (index == 0 ? "" : ", ") + shown(value.tensors[index]);
    }
    return text + "]";
  }
  default: return "nothing";
  }
}

/// Puts the call before its error, with the shape of each tensor.
void describe(CTorchOperator found, CTorchValue *arguments, int32_t count, char **error) {
  while (count > 0 && arguments[count - 1].kind == CTORCH_NONE) {
    count--;
  }
  std::string text = found->name + "(";
  for (int32_t index = 0; index < count; index++) {
    text += (index == 0 ? "" : ", ") + shown(arguments[index]);
  }
  text += "): ";
  text += *error;
  free(*error);
  *error = copied(text);
}

template <typename Element, typename Source>
c10::List<Element> listed(const Source *values, int64_t count) {
  c10::List<Element> list;
  list.reserve(count);
  for (int64_t index = 0; index < count; index++) {
    list.push_back(static_cast<Element>(values[index]));
  }
  return list;
}

/// Puts a value into the box that the schema expects; false where the kinds do not agree.
bool boxed(CTorchValue &value, const ExpectedArgument &expected, IValue &box) {
  if (value.kind == CTORCH_NONE) {
    if (expected.kind == Expected::tensor && !expected.isOptional) {
      return false;
    }
    box = IValue();
    return expected.isOptional;
  }
  switch (expected.kind) {
  case Expected::tensor: return false;
  case Expected::integer:
    if (value.kind != CTORCH_INTEGER && value.kind != CTORCH_ELEMENT_TYPE) { return false; }
    box = IValue(value.integer);
    return true;
  case Expected::real:
    if (value.kind == CTORCH_REAL) { box = IValue(value.real); return true; }
    if (value.kind == CTORCH_INTEGER) {
      box = IValue(static_cast<double>(value.integer));
      return true;
    }
    return false;
  case Expected::boolean:
    if (value.kind != CTORCH_BOOLEAN) { return false; }
    box = IValue(value.integer != 0);
    return true;
  case Expected::number:
    switch (value.kind) {
    case CTORCH_REAL: box = IValue(value.real); return true;
    case CTORCH_INTEGER: box = IValue(value.integer); return true;
    case CTORCH_BOOLEAN: box = IValue(value.integer != 0); return true;
    default: return false;
    }
  case Expected::text:
    if (value.kind != CTORCH_TEXT) { return false; }
    box = IValue(std::string(value.text));
    return true;
  case Expected::device:
    if (value.kind != CTORCH_DEVICE) { return false; }
    box = IValue(deviceNumbered(value.integer));
    return true;
  case Expected::generator:
    if (value.kind != CTORCH_GENERATOR) { return false; }
    box = IValue(value.generator->generator);
    return true;
  case Expected::integers:
    if (value.kind == CTORCH_INTEGERS) {
      box = IValue(c10::IntArrayRef(value.integers, value.count));
      return true;
    }
    if (value.kind == CTORCH_INTEGER && expected.broadcast > 0) {
      box = IValue(std::vector<int64_t>(expected.broadcast, value.integer));
      return true;
    }
    return false;
  case Expected::reals:
    if (value.kind == CTORCH_REALS) {
      box = IValue(listed<double>(value.reals, value.count));
      return true;
    }
    if (value.kind == CTORCH_INTEGERS) {
      box = IValue(listed<double>(value.integers, value.count));
      return true;
    }
    return false;
  case Expected::booleans:
    if (value.kind == CTORCH_BOOLEANS) {
      box = IValue(listed<bool>(value.booleans, value.count));
      return true;
    }
    if (value.kind == CTORCH_BOOLEAN && expected.broadcast > 0) {
      box = IValue(c10::List<bool>());
      for (int64_t index = 0; index < expected.broadcast; index++) {
        box.toBoolList().push_back(value.integer != 0);
      }
      return true;
    }
    return false;
  case Expected::tensors:
  case Expected::optionalTensors: {
    if (value.kind != CTORCH_TENSORS) { return false; }
    c10::List<at::Tensor> tensors;
    c10::List<c10::optional<at::Tensor>> optionals;
    for (int64_t index = 0; index < value.count; index++) {
      auto pointer = value.tensors[index];
      if (expected.kind == Expected::optionalTensors) {
        optionals.push_back(
          pointer == nullptr ? c10::optional<at::Tensor>() : borrowed(pointer));
      } else {
        tensors.push_back(borrowed(pointer));
      }
    }
    box = expected.kind == Expected::optionalTensors
      ? IValue(std::move(optionals)) : IValue(std::move(tensors));
    return true;
  }
  case Expected::other: return false;
  }
  return false;
}

template <typename Element>
Element *allocated(int64_t count) {
  return count == 0
    ? nullptr : static_cast<Element *>(malloc(static_cast<size_t>(count) * sizeof(Element)));
}

/// Moves a result out of its box; false for a type that no value stands for.
bool unboxed(IValue &&box, CTorchValue &value) {
  value.count = 0;
  value.integer = 0;
  if (box.isTensor()) {
    auto tensor = std::move(box).toTensor();
    value.kind = tensor.defined() ? CTORCH_TENSOR : CTORCH_NONE;
    value.tensor = given(std::move(tensor));
  } else if (box.isInt()) {
    value.kind = CTORCH_INTEGER;
    value.integer = box.toInt();
  } else if (box.isDouble()) {
    value.kind = CTORCH_REAL;
    value.real = box.toDouble();
  } else if (box.isBool()) {
    value.kind = CTORCH_BOOLEAN;
    value.integer = box.toBool();
  } else if (box.isNone()) {
    value.kind = CTORCH_NONE;
  } else if (box.isString()) {
    value.kind = CTORCH_TEXT;
    value.text = copied(box.toStringRef());
  } else if (box.isDevice()) {
    value.kind = CTORCH_DEVICE;
    value.integer = numberOf(box.toDevice());
  } else if (box.isTensorList()) {
    auto list = std::move(box).toTensorVector();
    value.kind = CTORCH_TENSORS;
    value.count = static_cast<int64_t>(list.size());
    value.tensors = allocated<CTorchTensor>(value.count);
    for (int64_t index = 0; index < value.count; index++) {
      value.tensors[index] = given(std::move(list[index]));
    }
  } else if (box.isIntList()) {
    auto list = box.toIntVector();
    value.kind = CTORCH_INTEGERS;
    value.count = static_cast<int64_t>(list.size());
    value.integers = allocated<int64_t>(value.count);
    std::copy(list.begin(), list.end(), value.integers);
  } else if (box.isDoubleList()) {
    auto list = box.toDoubleVector();
    value.kind = CTORCH_REALS;
    value.count = static_cast<int64_t>(list.size());
    value.reals = allocated<double>(value.count);
    std::copy(list.begin(), list.end(), value.reals);
  } else if (box.isScalar()) {
    auto scalar = box.toScalar();
    value.kind = CTORCH_REAL;
    value.real = scalar.toDouble();
  } else {
    return false;
  }
  return true;
}

/// A thread's stack between calls, since each new one is an allocation; a call within a call (a hook)
/// finds none and takes its own. A plain pointer, as it is quick to reach; a thread that ends loses it.
__attribute__((tls_model("initial-exec"))) thread_local std::vector<IValue> *spareStack = nullptr;

/// The spare stack for the length of a call.
class Stack {
public:
  Stack() : values(spareStack != nullptr ? spareStack : new std::vector<IValue>()) {
    spareStack = nullptr;
  }
  ~Stack() {
    values->clear();
    if (spareStack == nullptr) {
      spareStack = values;
    } else {
      delete values;
    }
  }
  Stack(const Stack &) = delete;
  Stack &operator=(const Stack &) = delete;

  std::vector<IValue> *const values;
};

bool isTensor(const CTorchValue &value) {
  return value.kind == CTORCH_TENSOR || value.kind == CTORCH_LENT_TENSOR;
}

/// The number at a place, or its default; false where neither is one.
bool number(
  const CTorchOperatorObject &found, const CTorchValue *arguments, int32_t count, int32_t index,
  at::Scalar &result
) {
  if (index >= count || arguments[index].kind == CTORCH_NONE) {
    if (!found.arguments[index].hasDefault) { return false; }
    result = found.arguments[index].defaultValue.toScalar();
    return true;
  }
  switch (arguments[index].kind) {
  case CTORCH_REAL: result = arguments[index].real; return true;
  case CTORCH_INTEGER: result = arguments[index].integer; return true;
  case CTORCH_BOOLEAN: result = arguments[index].integer != 0; return true;
  default: return false;
  }
}

/// Calls an operator of a direct signature; false, with nothing done, where the arguments are not of
/// it, which the way through boxes then explains.
bool calledDirectly(
  const CTorchOperatorObject &found, const CTorchValue *arguments, int32_t count,
  CTorchValue &result
) {
  if (found.direct == Direct::none || count < 1 || !isTensor(arguments[0])) { return false; }
  if (count > static_cast<int32_t>(found.arguments.size())) { return false; }
  auto hasTwo = count > 1 && isTensor(arguments[1]);
  auto first = borrowed(arguments[0].tensor);
  at::Scalar one, two;
  at::Tensor output;
  switch (found.direct) {
  case Direct::T:
    output = found.handle.typed<FunctionT>().call(first);
    break;
  case Direct::TT:
    if (!hasTwo) { return false; }
    output = found.handle.typed<FunctionTT>().call(first, borrowed(arguments[1].tensor));
    break;
  case Direct::TTS:
    if (!hasTwo || !number(found, arguments, count, 2, one)) { return false; }
    output = found.handle.typed<FunctionTTS>().call(first, borrowed(arguments[1].tensor), one);
    break;
  case Direct::TS:
    if (!number(found, arguments, count, 1, one)) { return false; }
    output = found.handle.typed<FunctionTS>().call(first, one);
    break;
  case Direct::TSS:
    if (
      !number(found, arguments, count, 1, one) || !number(found, arguments, count, 2, two)) {
      return false;
    }
    output = found.handle.typed<FunctionTSS>().call(first, one, two);
    break;
  case Direct::none: return false;
  }
  result.count = 0;
  result.kind = output.defined() ? CTORCH_TENSOR : CTORCH_NONE;
  result.tensor = given(std::move(output));
  return true;
}

int32_t call(
  CTorchOperator found, CTorchValue *arguments, int32_t count, CTorchValue *results,
  int32_t capacity, char **error
) {
  auto outcome = guarded<int32_t>(error, -1, [&]() -> int32_t {
    if (capacity > 0 && calledDirectly(*found, arguments, count, results[0])) { return 1; }
    const auto &expected = found->arguments;
    auto total = static_cast<int32_t>(expected.size());
    if (count > total) {
      *error = copied(
        "takes at most " + std::to_string(total) + " arguments, not " + std::to_string(count));
      return -1;
    }
    Stack holder;
    auto &stack = *holder.values;
    stack.reserve(static_cast<size_t>(total) + 1);
    for (int32_t index = 0; index < total; index++) {
      // Most arguments are tensors: without a detour through an empty box.
      if (
        index < count && expected[index].kind == Expected::tensor && isTensor(arguments[index])) {
        stack.emplace_back(borrowed(arguments[index].tensor));
        continue;
      }
      if (index >= count || arguments[index].kind == CTORCH_NONE) {
        if (expected[index].hasDefault || expected[index].isOptional) {
          stack.push_back(expected[index].defaultValue);
          continue;
        }
        const auto &argument = found->handle.schema().arguments()[index];
        *error = copied(
          "argument " + std::to_string(index + 1) + ", '" + argument.name() + "', is missing: a "
          + argument.type()->str());
        return -1;
      }
      stack.emplace_back();
      if (!boxed(arguments[index], expected[index], stack.back())) {
        const auto &argument = found->handle.schema().arguments()[index];
        *error = copied(
          "argument " + std::to_string(index + 1) + ", '" + argument.name() + "', is to be "
          + argument.type()->str() + ", not " + described(arguments[index].kind));
        return -1;
      }
    }
    found->handle.callBoxed(stack);
    if (static_cast<int32_t>(stack.size()) > capacity) {
      *error = copied(
        "gave " + std::to_string(stack.size()) + " results, more than the "
        + std::to_string(capacity) + " that there is room for");
      return -1;
    }
    auto number = static_cast<int32_t>(stack.size());
    for (int32_t index = 0; index < number; index++) {
      if (!unboxed(std::move(stack[index]), results[index])) {
        auto kind = stack[index].tagKind();
        for (int32_t earlier = 0; earlier < index; earlier++) {
          discard(results[earlier]);
        }
        *error = copied("gave a result of type " + kind + ", which has no counterpart here");
        return -1;
      }
    }
    return number;
  });
  if (outcome < 0) {
    describe(found, arguments, count, error);
  }
  for (int32_t index = 0; index < count; index++) {
    discard(arguments[index]);
  }
  return outcome;
}

// MARK: Facts of tensors

CTorchTensor make(
  const int64_t *sizes, int64_t rank, int32_t elementType, int32_t device, void **bytes,
  char **error
) {
  return guarded<CTorchTensor>(error, nullptr, [&]() {
    auto tensor = at::empty(
      c10::IntArrayRef(sizes, rank),
      at::TensorOptions().dtype(static_cast<c10::ScalarType>(elementType))
        .device(deviceNumbered(device)));
    *bytes = tensor.device().is_cpu() ? tensor.data_ptr() : nullptr;
    return given(std::move(tensor));
  });
}

void facts(CTorchTensor pointer, CTorchFacts *facts) {
  auto tensor = implementation(pointer);
  auto sizes = tensor->sizes();
  facts->sizes = sizes.data();
  facts->strides = tensor->strides().data();
  facts->rank = static_cast<int64_t>(sizes.size());
  facts->count = tensor->numel();
  facts->element_type = static_cast<int32_t>(c10::typeMetaToScalarType(tensor->dtype()));
  facts->device = numberOf(tensor->device());
}

void *bytes(CTorchTensor pointer) {
  auto tensor = borrowed(pointer);
  return tensor.device().is_cpu() ? tensor.data_ptr() : nullptr;
}

bool isContiguous(CTorchTensor pointer) { return implementation(pointer)->is_contiguous(); }

bool isUnshared(CTorchTensor pointer) {
  auto tensor = implementation(pointer);
  return c10::raw::intrusive_ptr::use_count(tensor) == 1 && tensor->has_storage()
    && tensor->storage().use_count() == 1;
}

// MARK: Derivatives

bool needsGradient(CTorchTensor pointer) { return implementation(pointer)->requires_grad(); }

bool setNeedsGradient(CTorchTensor pointer, bool needs, char **error) {
  return guarded<bool>(error, false, [&]() {
    borrowed(pointer).requires_grad_(needs);
    return true;
  });
}

bool gradients(
  const CTorchTensor *outputs, const CTorchTensor *cotangents, int64_t outputCount,
  const CTorchTensor *inputs, CTorchTensor *gradients, int64_t inputCount, bool keepsGraph,
  bool makesGraph, char **error
) {
  return guarded<bool>(error, false, [&]() {
    std::vector<at::Tensor> outputList, cotangentList, inputList;
    outputList.reserve(outputCount);
    cotangentList.reserve(outputCount);
    inputList.reserve(inputCount);
    for (int64_t index = 0; index < outputCount; index++) {
      outputList.push_back(borrowed(outputs[index]));
      cotangentList.push_back(borrowed(cotangents[index]));
    }
    for (int64_t index = 0; index < inputCount; index++) {
      inputList.push_back(borrowed(inputs[index]));
    }
    auto result = torch::autograd::grad(
      outputList, inputList, cotangentList, keepsGraph, makesGraph, /*allow_unused=*/true);
    for (int64_t index = 0; index < inputCount; index++) {
      gradients[index] = given(std::move(result[index]));
    }
    return true;
  });
}

bool setRecordsGraph(bool records) {
  auto before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(records);
  return before;
}

uint64_t enterDualLevel(char **error) {
  return guarded<uint64_t>(
    error, 0, [&]() { return torch::autograd::forward_ad::enter_dual_level(); });
}

void exitDualLevel(uint64_t level) {
  char *error = nullptr;
  guarded<bool>(&error, false, [&]() {
    torch::autograd::forward_ad::exit_dual_level(level);
    return true;
  });
  free(error);
}

// MARK: The library

void setThreads(int32_t count) {
  at::set_num_threads(count);
  // OpenBLAS keeps threads of its own, which ATen only tells of where it was built with it.
  using SetThreads = void (*)(int);
  if (auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) {
    set(count);
  }
}

int32_t threads() { return at::get_num_threads(); }

void setDeterministic(bool isOn) {
  at::globalContext().setDeterministicAlgorithms(isOn, /*warn_only=*/false);
}

CTorchGenerator makeGenerator(uint64_t seed, char **error) {
  return guarded<CTorchGenerator>(error, nullptr, [&]() {
    return new CTorchGeneratorObject{at::make_generator<at::CPUGeneratorImpl>(seed)};
  });
}

CTorchGenerator retainGenerator(CTorchGenerator generator) {
  return new CTorchGeneratorObject{generator->generator};
}

void releaseGenerator(CTorchGenerator generator) { delete generator; }

int32_t cudaDevices() {
  char *error = nullptr;
  auto count = guarded<int32_t>(&error, 0, []() {
    return at::globalContext().hasCUDA()
      ? static_cast<int32_t>(at::detail::getCUDAHooks().getNumGPUs()) : 0;
  });
  free(error);
  return count;
}

char *version() { return copied(TORCH_VERSION); }

char *blas() {
  if (at::hasMKL()) {
    return copied("MKL");
  }
  auto symbol = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info;
  if (symbol == nullptr || dladdr(symbol, &info) == 0 || info.dli_fname == nullptr) {
    return copied("");
  }
  // The alternatives system puts links between.
  auto resolved = realpath(info.dli_fname, nullptr);
  return resolved != nullptr ? resolved : copied(info.dli_fname);
}

const CTorchFunctions table = {
  find, schema, position, call,
  make, retain, release, facts, bytes, isContiguous, isUnshared,
  needsGradient, setNeedsGradient, gradients, setRecordsGraph, enterDualLevel, exitDualLevel,
  setThreads, threads, setDeterministic, makeGenerator, retainGenerator, releaseGenerator, cudaDevices, version,
  blas,
};

}  // namespace

const CTorchFunctions *ctorch_open(int32_t version) {
  if (version != CTORCH_VERSION) {
    return nullptr;
  }
#ifdef __GLIBC__
  // By default the memory of a tensor of 128 KiB or more may go back to the kernel as soon as it is
  // freed, and the next operation pays for its pages anew: a fifth of a convolution's time. Up to
  // this size it is kept for the next one.
  constexpr int kept = 256 << 20;
  mallopt(M_MMAP_THRESHOLD, kept);
  mallopt(M_TRIM_THRESHOLD, kept);
#endif
  // The CUDA kernels register themselves when their library is loaded; few builds have it.
  static void *cuda = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  (void)cuda;
  return &table;
}
