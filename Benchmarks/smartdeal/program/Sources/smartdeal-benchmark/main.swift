import Formats
import Foundation
import Glibc
import SmartDeal

// Usage: smartdeal-benchmark FOLDER [CASE…]: decompose, joint, code, large. Lines of `name value unit`;
// FOLDER gets the sample of blocks that the peer decomposes, too.
let folder = CommandLine.arguments.dropFirst().first ?? NSTemporaryDirectory()
let wanted = Set(CommandLine.arguments.dropFirst(2))

func isWanted(_ name: String) -> Bool { wanted.isEmpty || wanted.contains(name) }

func report(_ name: String, _ value: Double, _ unit: String) { print("\(name) \(value) \(unit)") }

/// Processor seconds of this process.
func cpuSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

func wallSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Peak resident memory in MiB.
func peakMemory() -> Double {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return Double(usage.ru_maxrss) / 1024
}

/// Normal numbers as He et al. start convolutions with, the same ones every time.
struct Normal {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  private mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return (Double((z ^ (z >> 31)) >> 11) + 0.5) / 9_007_199_254_740_992
  }

  mutating func next() -> Double {
    (-2 * log(uniform())).squareRoot() * cos(2 * .pi * uniform())
  }
}

struct Layer {
  let name: String
  let shape: [Int]
  let weights: [Float]
}

func layers(_ geometry: [LayerGeometry]) -> [Layer] {
  geometry.enumerated().map { index, layer in
    var normal = Normal(seed: UInt64(index))
    let shape = [layer.outputs, layer.inputsPerGroup, layer.kernel, layer.kernelWidth]
    let deviation =
      (2 / Double(layer.inputsPerGroup * layer.kernel * layer.kernelWidth)).squareRoot()
    return Layer(
      name: layer.name, shape: shape,
      weights: (0..<layer.weights).map { _ in Float(normal.next() * deviation) })
  }
}

let convolutions = layers(Array(PublishedArchitecture.resNet18.layers.dropLast()))
let weights = convolutions.reduce(0) { $0 + $1.weights.count }
let options = DecompositionOptions()

func decompose(_ threads: Int, _ options: DecompositionOptions) throws -> [StoredLayer] {
  try convolutions.map { layer in
    StoredLayer(
      name: layer.name,
      try Decomposition(
        layer.weights, shape: layer.shape, name: layer.name, options: options, threads: threads))
  }
}

func measure(_ name: String, _ body: () throws -> Void) rethrows -> (cpu: Double, wall: Double) {
  let (cpu, wall) = (cpuSeconds(), wallSeconds())
  try body()
  return (cpuSeconds() - cpu, wallSeconds() - wall)
}

let layouts = try convolutions.map { try BlockLayout(shape: $0.shape, name: $0.name) }
let blocks = layouts.reduce(0) { $0 + $1.blocks }

if isWanted("decompose") {
  report("weights", Double(weights), "")
  report("blocks", Double(blocks), "")
  var sweeps = 0
  let one = try measure("one") {
    for layer in convolutions {
      sweeps += try Decomposition(
        layer.weights, shape: layer.shape, name: layer.name, options: options, threads: 1
      ).sweeps
    }
  }
  report("sweeps", Double(sweeps), "")
  report("decompose-cpu", one.cpu / Double(blocks) * 1e3, "ms/block")
  let two = try measure("two") {
    for layer in convolutions {
      _ = try Decomposition(
        layer.weights, shape: layer.shape, name: layer.name, options: options, threads: 2)
    }
  }
  report("decompose-cpu-2", two.cpu / Double(blocks) * 1e3, "ms/block")
  report("two-threads-speedup", one.wall / two.wall, "x")
  report("decompose-memory", peakMemory(), "MiB")
  // What the peer decomposes: as many blocks of each size as there are here, one in a hundred.
  var sample: [Float] = []
  var index = "["
  var mine = 0.0
  var count = 0
  var nonZeros = 0
  for (layer, layout) in zip(convolutions, layouts) {
    let outputs = max(1, layout.outputs / 100)
    let part = Array(layer.weights.prefix(outputs * layout.weightsPerOutput))
    index +=
      "\(index.count > 1 ? "," : "")[\(outputs * layout.blocksPerOutput),\(layout.rowsPerBlock),\(layout.n)]"
    var found: Decomposition?
    mine += try measure("sample") {
      found = try Decomposition(
        part, shape: [outputs] + layer.shape.dropFirst(), name: layer.name, options: options,
        threads: 1)
    }.cpu
    count += found?.layout.blocks ?? 0
    nonZeros += found?.nonZeros ?? 0
    // Padding included, as the blocks have it.
    for output in 0..<outputs {
      sample += part[output * layout.weightsPerOutput..<(output + 1) * layout.weightsPerOutput]
      sample += [Float](
        repeating: 0,
        count: layout.blocksPerOutput * layout.coefficientsPerBlock - layout.weightsPerOutput)
    }
  }
  report("sample-blocks", Double(count), "")
  report("sample-nonzeros", Double(nonZeros), "")
  report("sample-cpu", mine / Double(count) * 1e3, "ms/block")
  try sample.withUnsafeBytes {
    try Data($0).write(to: URL(fileURLWithPath: "\(folder)/sample.bin"))
  }
  try Data((index + "]").utf8).write(to: URL(fileURLWithPath: "\(folder)/sample.json"))
}

if isWanted("joint") {
  let layer = convolutions[7]
  let time = try measure("joint") {
    _ = try Decomposition(
      layer.weights, shape: layer.shape, name: layer.name,
      options: DecompositionOptions(rounding: .joint(lambda: 6.4e-5)), threads: 1)
  }
  report("joint-cpu", time.cpu / Double(layouts[7].blocks) * 1e3, "ms/block")
}

if isWanted("code") {
  let stored = try decompose(2, options)
  let bytes = 4 * Double(weights)
  for encoding in Encoding.allCases {
    let chosen = stored.map { layer in
      guard case .structured(let layout, let codes, let basis, _) = layer.content else {
        return layer
      }
      return StoredLayer(
        name: layer.name, layout: layout, coefficients: codes, basis: basis,
        encodings: [encoding])
    }
    var file: [UInt8] = []
    var encode = Double.infinity
    var decode = Double.infinity
    for _ in 0..<3 {
      encode = min(encode, try measure("encode") { file = try SDLFile.bytes(chosen) }.cpu)
      let content = FileContent(file, name: "memory")
      var sum: Float = 0
      decode = min(
        decode,
        try measure("decode") {
          let opened = try SDLFile(content)
          for layer in opened.layers { try opened.rebuild(layer) { sum += $0[0] } }
        }.cpu)
      precondition(sum.isFinite)
    }
    report("encode-\(encoding.name)", bytes / encode / 1e6, "MB/s")
    report("decode-\(encoding.name)", bytes / decode / 1e9, "GB/s")
    report("file-\(encoding.name)", Double(file.count), "B")
  }
}

if isWanted("large") {
  // Layers of 2.36 M weights each; memory must not grow with their number.
  let layer = convolutions[convolutions.count - 2]
  for copies in [10, 42] {
    let path = "\(folder)/large.sdl"
    let time = try measure("large") {
      let writer = try SDLWriter(path: path, layers: copies)
      for copy in 0..<copies {
        let found = try Decomposition(
          layer.weights, shape: layer.shape, name: layer.name, options: options, threads: 2)
        try writer.append(StoredLayer(name: "layer \(copy)", found))
      }
      _ = try writer.finish()
    }
    report("large-\(copies)-weights", Double(copies * layer.weights.count), "")
    report(
      "large-\(copies)-cpu", time.cpu / Double(copies * layer.weights.count) * 1e9, "ns/weight")
    report("large-\(copies)-memory", peakMemory(), "MiB")
  }
}
