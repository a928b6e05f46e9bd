public import Formats
import Tensors

/// Where a long fit leaves what it needs to go on after an interruption, to the same bytes.
public struct Checkpoints: Sendable {
  /// What was left under a name, or nil.
  public var load: @Sendable (_ name: String) -> Safetensors?
  /// Takes the state under a name; not every one needs to be kept.
  public var save: @Sendable (_ name: String, _ state: () -> Safetensors) -> Void

  public init(
    load: @escaping @Sendable (_ name: String) -> Safetensors?,
    save: @escaping @Sendable (_ name: String, _ state: () -> Safetensors) -> Void
  ) {
    self.load = load
    self.save = save
  }

  /// How often a chain of so many steps leaves its state.
  static func interval(_ steps: Int) -> Int { max(steps / 50, 1) }
}

/// A chain's state as named lists of numbers.
struct ChainState {
  private(set) var file: Safetensors

  init() { file = Safetensors([]) }

  /// - Throws: ``InferenceError`` where it belongs to another chain than `key` says.
  init(_ file: Safetensors, key: String) throws {
    guard file.metadata["key"] == key else {
      throw InferenceError(
        .badData, "the checkpoint is of another fit: \(file.metadata["key"] ?? "nothing")")
    }
    self.file = file
  }

  mutating func mark(_ key: String) { file.metadata["key"] = key }

  subscript(name: String) -> [Double] {
    get { file[name]?.doubles() ?? [] }
    set {
      file.tensors.append(
        NamedTensor(name: name, data: TensorData(newValue, shape: [newValue.count])))
    }
  }

  mutating func set(_ name: String, floats: [Float]) {
    file.tensors.append(NamedTensor(name: name, data: TensorData(floats, shape: [floats.count])))
  }

  func floats(_ name: String) -> [Float] { file[name]?.floats() ?? [] }

  /// Lists of the same length, such as draws.
  mutating func set(_ name: String, lists: [[Double]]) {
    file.tensors.append(
      NamedTensor(
        name: name,
        data: TensorData(
          lists.flatMap { $0 }, shape: [lists.count, lists.first?.count ?? 0])))
  }

  func lists(_ name: String) -> [[Double]] {
    guard let data = file[name], data.shape.count == 2 else { return [] }
    let (values, width) = (data.doubles(), data.shape[1])
    return (0..<data.shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
  }

  /// Whole numbers, exact where doubles aren't.
  mutating func set(_ name: String, integers: [Int]) {
    file.tensors.append(
      NamedTensor(name: name, data: TensorData(integers, shape: [integers.count])))
  }

  func integers(_ name: String) -> [Int] { file[name]?.integers() ?? [] }
}

/// What training by gradients keeps: everything that the next step depends on.
struct TrainingState {
  /// The steps that are done.
  var step = 0
  var values: [Double]
  var adam: Adam
  /// Places in random streams.
  var places: [Int] = []
  /// The order of batches.
  var batches: [Int] = []
  var sums: [Double] = []

  /// Leaves the state, where checkpoints are kept.
  static func save(
    _ checkpoints: Checkpoints?, _ name: String, _ key: String, _ state: TrainingState
  ) {
    checkpoints?.save(name) {
      var file = ChainState()
      file.mark(key)
      file["values"] = state.values
      file["adam"] = state.adam.state
      file.set("places", integers: [state.step] + state.places)
      file.set("batches", integers: state.batches)
      file["sums"] = state.sums
      return file.file
    }
  }

  /// Takes over what was left, if anything was.
  ///
  /// - Returns: Whether there was something.
  /// - Throws: ``InferenceError`` where it belongs to another fit.
  mutating func load(_ checkpoints: Checkpoints?, _ name: String, _ key: String) throws -> Bool {
    guard let file = try checkpoints?.load(name).map({ try ChainState($0, key: key) }) else {
      return false
    }
    let places = file.integers("places")
    values = file["values"]
    adam.state = file["adam"]
    (step, self.places) = (places[0], Array(places.dropFirst()))
    (batches, sums) = (file.integers("batches"), file["sums"])
    return true
  }
}

extension RandomStream {
  /// Where the stream is, between blocks: what a checkpoint keeps of it.
  ///
  /// A number that is left of the last block is dropped, so this is called wherever a checkpoint may be,
  /// whether one is taken or not.
  mutating func align() -> Int {
    self = RandomStream(seed: seed, stream: stream, position: position)
    return Int(bitPattern: UInt(position))
  }

  /// Goes on from a position that ``align()`` gave.
  mutating func resume(at position: Int) {
    self = RandomStream(seed: seed, stream: stream, position: UInt64(UInt(bitPattern: position)))
  }
}
