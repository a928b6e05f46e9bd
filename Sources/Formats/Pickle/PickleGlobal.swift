/// The only names that a pickle may mention, and what they mean here.
///
/// It is a list, not a class loader: nothing outside it is looked up, and nothing in it is called.
enum PickleGlobal: Hashable {
  case scalar, reconstruct, ndarray, dtype, encode, orderedDict, rebuildTensor
  case storage(ElementType)
  /// A class or function whose instances stay taken apart.
  case opaque(String)

  static func named(module: String, name: String) -> PickleGlobal? {
    switch module {
    case "numpy.core.multiarray", "numpy._core.multiarray":
      switch name {
      case "scalar": .scalar
      case "_reconstruct": .reconstruct
      default: nil
      }
    case "numpy": name == "ndarray" ? .ndarray : name == "dtype" ? .dtype : nil
    case "_codecs": name == "encode" ? .encode : nil
    case "collections": name == "OrderedDict" ? .orderedDict : nil
    case "torch._utils": name == "_rebuild_tensor_v2" ? .rebuildTensor : nil
    case "torch": storageType(name).map { .storage($0) }
    default: isOpaque(module, name) ? .opaque("\(module) \(name)") : nil
    }
  }

  private static func isOpaque(_ module: String, _ name: String) -> Bool {
    switch module {
    case "pandas.core.frame": name == "DataFrame"
    case "pandas.core.internals.managers": name == "BlockManager"
    case "pandas.core.indexes.base": name == "_new_Index" || name == "Index"
    case "pandas.core.indexes.range": name == "RangeIndex"
    case "pandas.core.indexes.numeric": name == "Int64Index"
    case "builtins", "__builtin__": name == "slice"
    default: false
    }
  }

  private static func storageType(_ name: String) -> ElementType? {
    switch name {
    case "FloatStorage": .float32
    case "DoubleStorage": .float64
    case "HalfStorage": .float16
    case "BFloat16Storage": .bfloat16
    case "LongStorage": .int64
    case "IntStorage": .int32
    case "ShortStorage": .int16
    case "CharStorage": .int8
    case "ByteStorage": .uint8
    case "BoolStorage": .bool
    default: nil
    }
  }

  var name: String {
    switch self {
    case .scalar: "numpy.core.multiarray scalar"
    case .reconstruct: "numpy.core.multiarray _reconstruct"
    case .ndarray: "numpy ndarray"
    case .dtype: "numpy dtype"
    case .encode: "_codecs encode"
    case .orderedDict: "collections OrderedDict"
    case .rebuildTensor: "torch._utils _rebuild_tensor_v2"
    case .storage(let type): "torch storage of \(type)"
    case .opaque(let name): name
    }
  }
}
