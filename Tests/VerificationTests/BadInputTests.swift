import Formats
import ONNX
import Statistics
import Testing
import Verification

struct BadInputTests {
  // MARK: - VNN-LIB

  static let head = "(declare-const X_0 Real)\n(declare-const Y_0 Real)\n"
  static let box = "(assert (>= X_0 0))\n(assert (<= X_0 1))\n"

  static let texts: [(text: String, row: Int, column: Int?, part: String)] = [
    (head + "(assert (<= X_1 1))", 3, 13, "'X_1', which is not declared"),
    (head + "(assert (>= X_0 0))\n(assert (<= Y_0 1))", 4, 20, "no upper bound of 'X_0'"),
    (
      head + "(assert (>= X_0 2))\n(assert (<= X_0 1))\n(assert (<= Y_0 1))", 4, 10,
      "from 2.0 to 1.0"
    ),
    (head + "(assert (< X_0 1))", 3, 10, "operator '<'"),
    (head + "(assert (<= X_0 1)", 3, 19, "the end of the file"),
    (head + "(assert (<= X_0 1e400))", 3, 17, "'1e400'"),
    (head + "(assert (<= X_0 nan))", 3, 17, "'nan'"),
    (head + "(assert (<= X_0 X_0))", 3, 10, "an input with another variable"),
    (head + "(assert (<= X_0 Y_0))", 3, 10, "an input with another variable"),
    (head + box, 5, 1, "without a condition on an output"),
    (head + box + "(assert (<= 1 2))", 5, 10, "a comparison of two numbers"),
    ("(declare-const X_0 Int)", 1, 20, "'Int'"),
    ("(declare-const X_0 Real)\n(declare-const X_0 Real)", 2, 16, "a second declaration"),
    ("(declare-const X_1 Real)\n(declare-const Y_0 Real)", 2, 25, "no declaration of 'X_0'"),
    ("(define X_0)", 1, 2, "'define'"),
    ("", 1, 1, "no variable X_0"),
  ]

  @Test(arguments: texts.indices)
  func `a malformed property is refused with line and column`(index: Int) throws {
    let (text, row, column, part) = BadInputTests.texts[index]
    let error = #expect(throws: FormatError.self) {
      try VNNLIB.read(FileContent(Array(text.utf8), name: "p.vnnlib"))
    }
    #expect(error?.found.contains(part) == true, "\(error?.description ?? "")")
    #expect(error?.place == .row(row, column: column), "\(error?.description ?? "")")
  }

  // The box's number is a float64, so that no rounding outward widens it.
  @Test func `a box without width, comments, tabs and exponents are accepted`() throws {
    let text = """
      ; a comment (assert
      (declare-const X_0 Real)\t(declare-const Y_0 Real)
      (assert (and (<= X_0 6.25e-02) (>= X_0 6.25e-02)))
      (assert (or (and (<= Y_0 -1.5e0)) (>= Y_0 2))) ; the end
      """
    let property = try VNNLIB.read(FileContent(Array(text.utf8), name: "p"))
    #expect(property.problems.count == 1)
    #expect(property.problems[0].box == Box(lower: [0.0625], upper: [0.0625]))
    #expect(
      property.problems[0].clauses == [
        Clause(rows: [OutputRow(coefficients: [1], offset: 1.5)]),
        Clause(rows: [OutputRow(coefficients: [-1], offset: 2)]),
      ])
  }

  @Test func `damaged properties are read or refused, never more`() {
    let text =
      BadInputTests.head + BadInputTests.box
      + "(assert (or (and (<= Y_0 1) (>= Y_0 -2)) (and (>= Y_0 3e1))))\n"
    var generator = SplitMix64(seed: 5)
    let pool = Array("()<=>XY_0123456789.e- ;\nandorassert".utf8)
    for _ in 0..<3000 {
      var bytes = Array(text.utf8)
      for _ in 0...Int(generator.next() % 4) {
        let place = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 3 {
        case 0: bytes[place] = pool[Int(generator.next() % UInt64(pool.count))]
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
        }
      }
      do {
        _ = try VNNLIB.read(FileContent(bytes, name: "p"))
      } catch {
        #expect(!error.found.isEmpty)
      }
    }
  }

  @Test func `a property that would expand to too many cases is refused`() {
    let or = "(assert (or (<= Y_0 1) (<= Y_0 2)))\n"
    let text = BadInputTests.head + BadInputTests.box + String(repeating: or, count: 40)
    let error = #expect(throws: FormatError.self) {
      try VNNLIB.read(FileContent(Array(text.utf8), name: "p"))
    }
    #expect(error?.code == .limit)
  }

  // MARK: - ONNX

  /// A convolution of a 1 × 4 × 4 input with attributes to be spoilt.
  private func convolution(_ attributes: [String: ONNXAttribute]) -> ONNXModel {
    let graph = ONNXGraph(
      inputs: [
        ONNXValue(name: "x", type: .float32, shape: [.fixed(1), .fixed(1), .fixed(4), .fixed(4)])
      ],
      outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
      initializers: [
        NamedTensor(
          name: "w", data: TensorData([Float](repeating: 1, count: 4), shape: [1, 1, 2, 2]))
      ],
      nodes: [
        ONNXNode(
          name: "conv", operator: "Conv", inputs: ["x", "w"], outputs: ["y"],
          attributes: attributes)
      ])
    return ONNXModel(graph: graph)
  }

  @Test func `what a convolution may not have is refused by node and attribute`() throws {
    let spoilt: [(String, ONNXAttribute, says: String)] = [
      ("group", .int(2), "in 2 groups"), ("group", .int(0), "in 0 groups"),
      ("group", .int(.max), "groups"), ("dilations", .ints([33, 1]), "dilations [33, 1]"),
      ("dilations", .ints([32, 32]), "that fits"),
      ("pads", .ints([0, 0, -1, 0]), "pads [0, 0, -1, 0]"),
      ("pads", .ints([1]), "pads [1]"), ("strides", .ints([0, 1]), "strides [0, 1]"),
      ("auto_pad", .string("BOTH"), "'BOTH'"), ("kernel_shape", .ints([3, 3]), "kernel [3, 3]"),
    ]
    for (name, value, says) in spoilt {
      let error = #expect(throws: FormatError.self) {
        try ReLUNetwork(convolution([name: value]))
      }
      #expect(error?.description.contains("node 'conv' (Conv)") == true)
      #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
    }
    #expect(try ReLUNetwork(convolution(["strides": .ints([2, 2])])).outputCount == 4)
  }

  @Test func `what has no form as linear layers and ReLUs is refused, with what would do`() throws {
    let spoilt: [(String, [String: ONNXAttribute], [Float]?, says: String)] = [
      ("Softmax", [:], nil, "the network without it"), ("Sigmoid", [:], nil, "linear in pieces"),
      ("LeakyRelu", ["alpha": .float(-1)], nil, "slopes of at least 0"),
      ("Clip", ["min": .float(2), "max": .float(1)], nil, "bounds 2.0 and 1.0"),
      ("Div", [:], [0], "a division by zero"), ("Mul", [:], [.infinity], "infinite"),
      ("Mul", [:], [1, 2, 3], "one a channel"), ("Add", [:], [1, 2], "extends to"),
      (
        "MaxPool", ["kernel_shape": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])], nil,
        "a Relu before"
      ),
      ("MaxPool", ["kernel_shape": .ints([2, 2]), "ceil_mode": .int(1)], nil, "that end inside"),
      ("MaxPool", ["kernel_shape": .ints([9, 9])], nil, "that fits"),
      (
        "AveragePool", ["kernel_shape": .ints([2, 2]), "pads": .ints([1, 1, 1, 1])], nil, "count"
      ),
      ("AveragePool", [:], nil, "kernel_shape"),
      ("ReduceMean", ["axes": .ints([1])], nil, "axes [1]"),
      ("BatchNormalization", [:], [1], "one scale, bias, mean and variance"),
    ]
    for (name, attributes, constant, says) in spoilt {
      var model = convolution([:])
      model.graph.nodes[0].outputs = ["h"]
      var inputs = ["h"]
      if let constant {
        model.graph.initializers.append(
          NamedTensor(name: "c", data: TensorData(constant, shape: [constant.count])))
        inputs.append("c")
      }
      model.graph.nodes.append(
        ONNXNode(
          name: "spoilt", operator: name, inputs: inputs, outputs: ["y"], attributes: attributes))
      let error = #expect(throws: FormatError.self) { try ReLUNetwork(model) }
      #expect(error?.description.contains("node 'spoilt' (\(name))") == true)
      #expect(error?.description.contains(says) == true, "\(error?.description ?? "")")
    }
  }

  @Test func `an operator outside of the list, a branch and two inputs are refused`() throws {
    var model = convolution([:])
    model.graph.nodes[0].operator = "Sigmoid"
    #expect(throws: FormatError.self) { try ReLUNetwork(model) }
    model = convolution([:])
    model.graph.nodes[0].outputs = ["h"]
    model.graph.nodes += [
      ONNXNode(operator: "Relu", inputs: ["h"], outputs: ["r"]),
      ONNXNode(operator: "Add", inputs: ["r", "h"], outputs: ["y"]),
    ]
    let error = #expect(throws: FormatError.self) { try ReLUNetwork(model) }
    #expect(error?.description.contains("may be negative") == true)
    model = convolution([:])
    model.graph.inputs.append(ONNXValue(name: "z", type: .float32, shape: [.fixed(1)]))
    let refused = #expect(throws: VerificationError.self) { try ReLUNetwork(model) }
    #expect(refused?.message.contains("2 inputs") == true)
  }

  @Test func `weights that are not finite are refused`() throws {
    var model = convolution([:])
    model.graph.initializers[0].data = TensorData([1, .nan, 1, 1] as [Float], shape: [1, 1, 2, 2])
    #expect(throws: FormatError.self) { try ReLUNetwork(model) }
  }

  @Test func `a file in height, width, channels order is the same network`() throws {
    // (1, 2, 2, 3) to (1, 3, 2, 2), a 1 × 1 convolution, and back before a dense layer.
    var generator = SplitMix64(seed: 2)
    func floats(_ count: Int) -> [Float] {
      (0..<count).map { _ in Float(Int(generator.next() % 9)) - 4 }
    }
    let (filter, matrix) = (floats(6), floats(16))
    let graph = ONNXGraph(
      inputs: [
        ONNXValue(
          name: "x", type: .float32, shape: [.symbol("n"), .fixed(2), .fixed(2), .fixed(3)])
      ],
      outputs: [ONNXValue(name: "y", type: .float32, shape: nil)],
      initializers: [
        NamedTensor(name: "w", data: TensorData(filter, shape: [2, 3, 1, 1])),
        NamedTensor(name: "m", data: TensorData(matrix, shape: [8, 2])),
        NamedTensor(name: "s", data: TensorData([-1, 8], shape: [2])),
      ],
      nodes: [
        ONNXNode(
          operator: "Transpose", inputs: ["x"], outputs: ["t"],
          attributes: ["perm": .ints([0, 3, 1, 2])]),
        ONNXNode(operator: "Conv", inputs: ["t", "w"], outputs: ["c"]),
        ONNXNode(operator: "Relu", inputs: ["c"], outputs: ["r"]),
        ONNXNode(
          operator: "Transpose", inputs: ["r"], outputs: ["u"],
          attributes: ["perm": .ints([0, 2, 3, 1])]),
        ONNXNode(operator: "Reshape", inputs: ["u", "s"], outputs: ["f"]),
        ONNXNode(operator: "MatMul", inputs: ["f", "m"], outputs: ["y"]),
      ])
    let network = try ReLUNetwork(ONNXModel(graph: graph))
    let input = (0..<12).map { Double($0) - 6 }
    // By hand: pixel p has channels 3p ..< 3p + 3 in the file's order.
    var expected = [0.0, 0.0]
    for pixel in 0..<4 {
      for channel in 0..<2 {
        let sum = (0..<3).reduce(0.0) {
          $0 + Double(filter[channel * 3 + $1]) * input[pixel * 3 + $1]
        }
        for output in 0..<2 {
          expected[output] += max(sum, 0) * Double(matrix[(pixel * 2 + channel) * 2 + output])
        }
      }
    }
    #expect(network.evaluate(network.reordered(input)) == expected)
    #expect(network.fileOrder(network.reordered(input)) == input)
  }

  @Test func `layers that do not fit are refused with both sizes`() throws {
    let layers = [(2, 3), (4, 1)].map { inputs, outputs in
      AffineLayer(
        weights: [Double](repeating: 1, count: inputs * outputs),
        biases: [Double](repeating: 0, count: outputs), inputs: inputs)
    }
    let error = #expect(throws: VerificationError.self) {
      try ReLUNetwork(inputShape: [2], layers: layers)
    }
    #expect(error?.message == "layer 1 gives 3 numbers, layer 2 takes 4")
  }

  @Test func `weights in float64 are taken as they are`() throws {
    var model = convolution([:])
    model.graph.initializers[0].data = TensorData([1.5, 0.1, -2, 1], shape: [1, 1, 2, 2])
    #expect(try ReLUNetwork(model).layers[0].weights == [1.5, 0.1, -2, 1])
  }

  // MARK: - Options

  @Test func `options out of their range are refused by name`() throws {
    let network = try ReLUNetwork(
      inputShape: [1], layers: [AffineLayer(weights: [1], biases: [0], inputs: 1)])
    let spoilt: [(String, (inout SearchOptions) -> Void)] = [
      ("tolerance", { $0.tolerance = 0 }), ("tolerance", { $0.tolerance = .nan }),
      ("timeout", { $0.timeout = 0 }), ("timeout", { $0.timeout = -1 }),
      ("timeout", { $0.timeout = .nan }), ("batch", { $0.batch = 0 }),
      ("memory", { $0.memoryLimit = 0 }), ("branches", { $0.branchLimit = 0 }),
    ]
    for (name, spoil) in spoilt {
      var options = SearchOptions()
      spoil(&options)
      let error = #expect(throws: VerificationError.self) { try Verifier(network, options) }
      #expect(error?.message.contains(name) == true)
    }
  }

  @Test func `a network that is linear needs no search`() throws {
    let network = try ReLUNetwork(
      inputShape: [1], layers: [AffineLayer(weights: [2], biases: [1], inputs: 1)])
    for (offset, word) in [(1.5, "unsat"), (0.5, "sat")] {
      let property = Property(problems: [
        Problem(
          box: Box(lower: [-1], upper: [1]),
          clauses: [Clause(rows: [OutputRow(coefficients: [1], offset: offset)])])
      ])
      var options = SearchOptions()
      options.attackStarts = 0
      #expect(try Verifier(network, options).verify(property).verdict.word == word)
    }
  }
}
