public import Formats
import StructuredValue

/// The tensors that differ between two files.
public struct TensorsDifference: Hashable, Sendable {
  public var added: [String] = []
  public var removed: [String] = []
  /// Only those that differ.
  public var changed: [TensorDifference] = []
  public var oldTotal: TensorTotal
  public var newTotal: TensorTotal
  private var limit: Int

  /// Compares tensors by name; nil where none differs by more than the tolerance.
  public init?(
    old: [NamedTensor], new: [NamedTensor], options: ComparisonOptions = ComparisonOptions()
  ) {
    limit = options.limit
    oldTotal = TensorTotal(old)
    newTotal = TensorTotal(new)
    let before = Dictionary(old.map { ($0.name, $0.data) }) { first, _ in first }
    let after = Set(new.map(\.name))
    removed = old.map(\.name).filter { !after.contains($0) }
    for tensor in new {
      guard let data = before[tensor.name] else {
        added.append(tensor.name)
        continue
      }
      if let change = TensorDifference(
        name: tensor.name, old: data, new: tensor.data, options: options)
      {
        changed.append(change)
      }
    }
    if added.isEmpty && removed.isEmpty && changed.isEmpty { return nil }
  }

  var lines: [String] {
    var lines: [String] = []
    if oldTotal != newTotal { lines.append("\(oldTotal) → \(newTotal)") }
    lines += removed.map { "\($0): removed" } + added.map { "\($0): added" }
    let count = oldTotal.tensors - removed.count
    lines.append("\(changed.count) of \(count) common tensors changed")
    return lines + changed.map(\.line)
  }

  var value: Value {
    [
      "added": .list(added.map { .string($0) }), "removed": .list(removed.map { .string($0) }),
      "old": oldTotal.value, "new": newTotal.value, "changed": .list(changed.map(\.value)),
    ]
  }

  var first: FirstDifference? {
    if let change = changed.first { return change.first }
    if let name = removed.first {
      return FirstDifference(place: "tensor '\(name)'", old: "present", new: "missing")
    }
    return added.first.map {
      FirstDifference(place: "tensor '\($0)'", old: "missing", new: "present")
    }
  }
}

/// The size of a file's tensors together.
public struct TensorTotal: Hashable, Sendable, CustomStringConvertible {
  public var tensors: Int
  public var parameters: Int
  public var bytes: Int
  /// Numbers that are exactly 0.
  public var zeros: Int

  init(_ tensors: [NamedTensor]) {
    self.tensors = tensors.count
    parameters = tensors.reduce(0) { $0 + $1.data.count }
    bytes = tensors.reduce(0) { $0 + $1.data.bytes.count }
    zeros = tensors.reduce(0) { total, tensor in
      var zeros = 0
      forEachChunk(tensor.data) { _, numbers in zeros += numbers.count { $0 == 0 } }
      return total + zeros
    }
  }

  /// The share of zeros.
  public var sparsity: Double { parameters == 0 ? 0 : Double(zeros) / Double(parameters) }

  public var description: String {
    "\(tensors) tensors, \(parameters) parameters, \(bytes) bytes, "
      + "\(NumberFormat.short(100 * sparsity)) % zeros"
  }

  var value: Value {
    [
      "tensors": .int(tensors), "parameters": .int(parameters), "bytes": .int(bytes),
      "sparsity": .double(sparsity),
    ]
  }
}

/// How two tensors of one name differ.
public struct TensorDifference: Hashable, Sendable {
  /// How far apart the numbers are, where both have the same shape.
  public struct Distance: Hashable, Sendable {
    /// Elements whose values differ.
    public var changed = 0
    /// The largest |new - old| over elements that are finite in both.
    public var largest = 0.0
    /// ‖new - old‖₂ / ‖old‖₂ over elements that are finite in both; nil where ‖old‖₂ is 0.
    public var relativeL2: Double?
    /// The cosine of the angle between both; nil where a norm is 0.
    public var cosine: Double?
    /// The index of the first element that is finite in only one or, if there is none, of the
    /// largest change.
    public var worstIndex: [Int] = []
    public var worstOld = 0.0
    public var worstNew = 0.0
  }

  public var name: String
  public var oldType: ElementType
  public var newType: ElementType
  public var oldShape: [Int]
  public var newShape: [Int]
  public var oldNaNs = 0
  public var newNaNs = 0
  public var oldInfinities = 0
  public var newInfinities = 0
  /// Nil where the shapes differ.
  public var distance: Distance?
  public var firstIndex: [Int] = []
  private var firstOld = 0.0
  private var firstNew = 0.0

  /// Compares two tensors, in pieces; nil where nothing differs by more than the tolerance.
  public init?(
    name: String, old: TensorData, new: TensorData,
    options: ComparisonOptions = ComparisonOptions()
  ) {
    self.name = name
    (oldType, newType) = (old.type, new.type)
    (oldShape, newShape) = (old.shape, new.shape)
    if old == new { return nil }
    guard old.shape == new.shape else {
      forEachChunk(old) { _, numbers in
        oldNaNs += numbers.count { $0.isNaN }
        oldInfinities += numbers.count { $0.isInfinite }
      }
      forEachChunk(new) { _, numbers in
        newNaNs += numbers.count { $0.isNaN }
        newInfinities += numbers.count { $0.isInfinite }
      }
      return
    }
    measure(old, new, options)
    if oldType == newType && distance?.changed == 0 { return nil }
  }

  private mutating func measure(
    _ old: TensorData, _ new: TensorData, _ options: ComparisonOptions
  ) {
    var distance = Distance()
    var (oldSquares, newSquares, product, squares) = (0.0, 0.0, 0.0, 0.0)
    var (first, worst): (Int?, Int?) = (nil, nil)
    var isWorstFinite = true
    forEachChunk(old) { start, before in
      let after = numbers(new, start, before.count)
      for index in before.indices {
        let (one, two) = (before[index], after[index])
        if one.isFinite && two.isFinite {
          oldSquares += one * one
          newSquares += two * two
          product += one * two
          squares += (two - one) * (two - one)
        } else {
          oldNaNs += one.isNaN ? 1 : 0
          newNaNs += two.isNaN ? 1 : 0
          oldInfinities += one.isInfinite ? 1 : 0
          newInfinities += two.isInfinite ? 1 : 0
        }
        if one == two || options.areEqual(one, two) { continue }
        distance.changed += 1
        if first == nil {
          first = start + index
          (firstOld, firstNew) = (one, two)
        }
        let delta = abs(two - one)
        let isFinite = delta.isFinite
        if isFinite ? isWorstFinite && delta > distance.largest : isWorstFinite {
          worst = start + index
          (distance.worstOld, distance.worstNew) = (one, two)
          isWorstFinite = isFinite
        }
        if isFinite { distance.largest = max(distance.largest, delta) }
      }
    }
    if oldSquares > 0 { distance.relativeL2 = (squares / oldSquares).squareRoot() }
    if oldSquares > 0 && newSquares > 0 {
      distance.cosine = product / (oldSquares.squareRoot() * newSquares.squareRoot())
    }
    distance.worstIndex = worst.map { TensorDifference.index($0, old.shape) } ?? []
    firstIndex = first.map { TensorDifference.index($0, old.shape) } ?? []
    self.distance = distance
  }

  /// A row-major position as one index per dimension.
  static func index(_ position: Int, _ shape: [Int]) -> [Int] {
    var rest = position
    return shape.reversed().map { extent in
      defer { rest /= max(extent, 1) }
      return rest % max(extent, 1)
    }.reversed()
  }

  var line: String {
    var parts: [String] = []
    if oldShape != newShape { parts.append("shape \(oldShape) → \(newShape)") }
    if oldType != newType { parts.append("type \(oldType) → \(newType)") }
    if oldNaNs != newNaNs { parts.append("NaN \(oldNaNs) → \(newNaNs)") }
    if oldInfinities != newInfinities { parts.append("Inf \(oldInfinities) → \(newInfinities)") }
    if let distance, distance.changed > 0 {
      parts.append("\(distance.changed) elements")
      parts.append("max |Δ| \(NumberFormat.short(distance.largest))")
      if let norm = distance.relativeL2 { parts.append("relative L2 \(NumberFormat.short(norm))") }
      if let cosine = distance.cosine { parts.append("cosine \(NumberFormat.full(cosine))") }
      parts.append(
        "worst at \(distance.worstIndex): \(distance.worstOld) → \(distance.worstNew)")
    }
    return "\(name): " + parts.joined(separator: ", ")
  }

  var value: Value {
    func integers(_ numbers: [Int]) -> Value { .list(numbers.map { .int($0) }) }
    var value: [String: Value] = [
      "name": .string(name), "oldType": .string(oldType.rawValue),
      "newType": .string(newType.rawValue), "oldShape": integers(oldShape),
      "newShape": integers(newShape), "oldNaNs": .int(oldNaNs), "newNaNs": .int(newNaNs),
      "oldInfinities": .int(oldInfinities), "newInfinities": .int(newInfinities),
    ]
    if let distance {
      value["changed"] = .int(distance.changed)
      value["largest"] = .double(distance.largest)
      value["relativeL2"] = distance.relativeL2.map { .double($0) } ?? .null
      value["cosine"] = distance.cosine.map { .double($0) } ?? .null
      value["worstIndex"] = integers(distance.worstIndex)
    }
    return .map(value)
  }

  var first: FirstDifference {
    if oldShape != newShape {
      return FirstDifference(
        place: "tensor '\(name)', shape", old: "\(oldShape)", new: "\(newShape)")
    }
    guard distance?.changed ?? 0 > 0 else {
      return FirstDifference(
        place: "tensor '\(name)', type", old: oldType.rawValue, new: newType.rawValue)
    }
    return FirstDifference(
      place: "tensor '\(name)' at \(firstIndex)", old: "\(firstOld)", new: "\(firstNew)")
  }
}

private let chunkSize = 1 << 14

private func numbers(_ data: TensorData, _ start: Int, _ count: Int) -> [Double] {
  data.bytes.withUnsafeBytes { bytes in
    let size = data.type.size
    return ElementType.doubles(
      data.type, UnsafeRawBufferPointer(rebasing: bytes[start * size..<(start + count) * size]))
  }
}

/// Gives a tensor's numbers piece by piece, so that big ones are never held twice.
private func forEachChunk(_ data: TensorData, _ body: (_ start: Int, _ numbers: [Double]) -> Void) {
  for start in stride(from: 0, to: data.count, by: chunkSize) {
    body(start, numbers(data, start, min(chunkSize, data.count - start)))
  }
}
