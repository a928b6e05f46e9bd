import Formats
import ONNX
import Tensors

extension ONNXOperators {
  /// Functions of each element.
  static let elementwise: [String: Builder] = [
    "Abs": unary { try $0.abs() },
    "Acos": unary { try $0.acos() },
    "Asin": unary { try $0.asin() },
    "Atan": unary { try $0.atan() },
    "Atanh": unary { try $0.atanh() },
    "Ceil": unary { try $0.ceil() },
    "Cos": unary { try $0.cos() },
    "Cosh": unary { try $0.cosh() },
    "Erf": unary { try $0.erf() },
    "Exp": unary { try $0.exp() },
    "Floor": unary { try $0.floor() },
    "Identity": unary { $0 },
    "IsNaN": unary { try $0.isNaN() },
    "Log": unary { try $0.log() },
    "Mish": unary { try $0.mish() },
    "Neg": unary { try -$0 },
    "Not": unary { try $0.logicalNot() },
    "Reciprocal": unary { try $0.reciprocal() },
    "Relu": unary { try $0.relu() },
    "Round": unary { try $0.rounded() },
    "Sigmoid": unary { try $0.sigmoid() },
    "Sign": unary { try $0.sign() },
    "Sin": unary { try $0.sin() },
    "Sinh": unary { try $0.sinh() },
    "Softplus": unary { try $0.softplus() },
    "Softsign": unary { try $0 / ($0.abs() + 1) },
    "Sqrt": unary { try $0.sqrt() },
    "Tan": unary { try $0.tan() },
    "Tanh": unary { try $0.tanh() },
    "HardSwish": unary { try $0 * ($0 / 6 + 0.5).clamp(min: 0, max: 1) },
    "Add": binary { try $0 + $1 },
    "Sub": binary { try $0 - $1 },
    "Mul": binary { try $0 * $1 },
    "Div": binary { left, right in
      guard !left.dtype.isFloatingPoint else { return try left / right }
      // Integers are divided towards zero, in their own type.
      return try left.sign() * right.sign()
        * left.abs().floorDivided(by: right.abs())
    },
    "Pow": binary { try $0.pow($1).to($0.dtype) },
    "MatMul": binary { try $0.matmul($1) },
    "And": binary { try $0.and($1) },
    "Or": binary { try $0.or($1) },
    "Equal": binary { try $0 .== $1 },
    "Greater": binary { try $0 .> $1 },
    "GreaterOrEqual": binary { try $0 .>= $1 },
    "Less": binary { try $0 .< $1 },
    "LessOrEqual": binary { try $0 .<= $1 },
    "PRelu": binary { try $0.clamp(min: 0) + $1 * $0.clamp(max: 0) },
    "Max": many { try .maximum($0, $1) },
    "Min": many { try .minimum($0, $1) },
    "Sum": many { try $0 + $1 },
    "Where": { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let (condition, value) = (try input(inputs, 0, node), try input(inputs, 1, node))
        return [try value.selected(where: condition, otherwise: try input(inputs, 2, node))]
      }
    },
    "LeakyRelu": { node, _ in
      try node.refuseAttributes(except: ["alpha"])
      let slope = Double(try node.float("alpha", default: 0.01))
      return { [try input($0, 0, node).leakyRelu(slope: slope)] }
    },
    "Elu": { node, _ in
      try node.refuseAttributes(except: ["alpha"])
      let alpha = Double(try node.float("alpha", default: 1))
      return { [try input($0, 0, node).elu(alpha: alpha)] }
    },
    "Selu": { node, _ in
      try node.refuseAttributes(except: ["alpha", "gamma"])
      let alpha = Double(try node.float("alpha", default: 1.673_263_2))
      let gamma = Double(try node.float("gamma", default: 1.050_701))
      return { [try input($0, 0, node).elu(alpha: alpha) * gamma] }
    },
    "HardSigmoid": { node, _ in
      try node.refuseAttributes(except: ["alpha", "beta"])
      let alpha = Double(try node.float("alpha", default: 0.2))
      let beta = Double(try node.float("beta", default: 0.5))
      return { [try (input($0, 0, node) * alpha + beta).clamp(min: 0, max: 1)] }
    },
    "Gelu": { node, _ in
      try node.refuseAttributes(except: ["approximate"])
      let isApproximate = try node.string("approximate", default: "none") == "tanh"
      return { [try input($0, 0, node).gelu(isApproximate: isApproximate)] }
    },
    "Clip": { node, version in
      try node.refuseAttributes(except: version < 11 ? ["min", "max"] : [])
      let lower = version < 11 && node.attributes["min"] != nil ? try node.float("min") : nil
      let upper = version < 11 && node.attributes["max"] != nil ? try node.float("max") : nil
      return { inputs in
        var value = try input(inputs, 0, node)
        if let lower { value = try value.clamp(min: lower) }
        if let upper { value = try value.clamp(max: upper) }
        if let lower = optional(inputs, 1) { value = try .maximum(value, lower) }
        if let upper = optional(inputs, 2) { value = try .minimum(value, upper) }
        return [value]
      }
    },
    "Mod": { node, _ in
      try node.refuseAttributes(except: ["fmod"])
      let truncates = try node.int("fmod", default: 0) != 0
      return { inputs in
        let (left, right) = (try input(inputs, 0, node), try input(inputs, 1, node))
        guard truncates else { return [try left.remainder(dividingBy: right)] }
        return try Tensor.call("aten::fmod.Tensor", left, right).flatMap(\.tensors)
      }
    },
    "Cast": { node, _ in
      try node.refuseAttributes(except: ["to", "saturate", "round_mode"])
      // The numbers are those of TensorProto.DataType in onnx.proto.
      let types: [Int: DType] = [
        1: .float32, 2: .uint8, 3: .int8, 5: .int16, 6: .int32, 7: .int64, 9: .bool, 10: .float16,
        11: .float64, 16: .bfloat16,
      ]
      let number = try node.int("to")
      guard let type = types[number] else {
        throw node.error(.unsupported, found: "a conversion to element type \(number)")
      }
      return { [try input($0, 0, node).to(type)] }
    },
    "Dropout": { node, _ in
      try node.refuseAttributes(except: ["ratio", "seed", "is_test"])
      return { inputs in
        guard try optional(inputs, 2)?.boolean() != true else {
          throw node.error(.unsupported, found: "dropout in training mode")
        }
        let value = try input(inputs, 0, node)
        return [value, try .ones(value.shape, dtype: .bool, on: value.device)]
      }
    },
  ]

  /// An operator that joins any number of inputs, two by two.
  private static func many(
    _ function: @escaping @Sendable (Tensor, Tensor) throws -> Tensor
  ) -> Builder {
    { node, _ in
      try node.refuseAttributes(except: [])
      return { inputs in
        let first = try input(inputs, 0, node)
        return [try inputs.dropFirst().compactMap { $0 }.reduce(first) { try function($0, $1) }]
      }
    }
  }
}
