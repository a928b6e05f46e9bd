public import Formats

/// An unfinished search: what is needed to go on to the same verdict.
///
/// Bounds of layers are left out; they are found again from the splits. A rule starts in its first
/// state.
public struct SavedTree: Hashable, Sendable {
  /// A part with the values that bounded it.
  struct Part: Hashable, Sendable {
    /// Twice the ReLU's place among all, and one more for the on side; or twice the input, and one
    /// more for the upper half.
    var path: [Int]
    /// Of ReLUs that are ambiguous at the root.
    var alpha: [Float]
    var beta: [Double]
    var lowerBound: Double
    /// Of the clause's rows, for a proved part; the open clauses, for a part of a halved box.
    var numbers: [Double]
  }

  /// The parts of one clause, or of one halved box.
  struct Parts: Hashable, Sendable {
    var open: [Part] = []
    var proved: [Part] = []
    var branches = 0
    var rounds = 0
  }

  /// Tells of which network, property, options and program the search is.
  public var key: String
  /// The box that is searched; those before it are proved.
  var problem: Int
  /// Spent on the boxes before.
  var branches: Int
  var rounds: Int
  /// One for each clause, or one alone for a halved box.
  var searches: [Parts]
}

// MARK: - The file

extension SavedTree {
  private static let format = "pipeline-search-1"

  /// Writes the tree as safetensors, parts of different lengths one after the other.
  ///
  /// - Throws: `FormatError` where the file can't be written.
  public func write(to path: String) throws(FormatError) {
    var tensors: [NamedTensor] = []
    func add(_ name: String, _ data: TensorData) {
      tensors.append(NamedTensor(name: name, data: data))
    }
    for (index, search) in searches.enumerated() {
      for (kind, parts) in [("open", search.open), ("proved", search.proved)] {
        let name = "\(index).\(kind)"
        let paths = parts.flatMap(\.path)
        let (alpha, beta) = (parts.flatMap(\.alpha), parts.flatMap(\.beta))
        let numbers = parts.flatMap(\.numbers)
        let counts = parts.flatMap {
          [$0.path.count, $0.alpha.count, $0.beta.count, $0.numbers.count]
        }
        add("\(name).counts", TensorData(counts, shape: [parts.count, 4]))
        add("\(name).path", TensorData(paths, shape: [paths.count]))
        add("\(name).alpha", TensorData(alpha, shape: [alpha.count]))
        add("\(name).beta", TensorData(beta, shape: [beta.count]))
        add("\(name).numbers", TensorData(numbers, shape: [numbers.count]))
        add("\(name).bound", TensorData(parts.map(\.lowerBound), shape: [parts.count]))
      }
      add("\(index).spent", TensorData([search.branches, search.rounds], shape: [2]))
    }
    add("state", TensorData([problem, branches, rounds, searches.count], shape: [4]))
    try Safetensors(tensors, metadata: ["format": SavedTree.format, "key": key]).write(to: path)
  }

  /// Reads what `write(to:)` wrote.
  ///
  /// - Throws: `FormatError` where the file is no saved tree.
  public static func read(path: String) throws(FormatError) -> SavedTree {
    let file = try Safetensors(path: path)
    func failure(_ found: String) -> FormatError {
      FormatError(file: path, found: found, expected: "a search that the stage verify saved")
    }
    let arrays = Dictionary(
      file.tensors.map { ($0.name, $0.data) }, uniquingKeysWith: { first, _ in first })
    func integers(_ name: String) throws(FormatError) -> [Int] {
      guard let numbers = arrays[name]?.integers() else { throw failure("no array '\(name)'") }
      return numbers
    }
    func doubles(_ name: String) throws(FormatError) -> [Double] {
      guard let data = arrays[name] else { throw failure("no array '\(name)'") }
      return data.doubles()
    }
    guard file.metadata["format"] == format, let key = file.metadata["key"] else {
      throw failure("the format '\(file.metadata["format"] ?? "")'")
    }
    let state = try integers("state")
    guard state.count == 4, state.allSatisfy({ $0 >= 0 }), state[3] <= 4096 else {
      throw failure("a malformed state")
    }
    func parts(_ name: String) throws(FormatError) -> [Part] {
      let counts = try integers("\(name).counts")
      let paths = try integers("\(name).path")
      let alpha = (try doubles("\(name).alpha")).map { Float($0) }
      let (beta, numbers) = (try doubles("\(name).beta"), try doubles("\(name).numbers"))
      let bounds = try doubles("\(name).bound")
      guard counts.count == 4 * bounds.count, counts.allSatisfy({ 0...(1 << 28) ~= $0 }) else {
        throw failure("'\(name)' of different counts")
      }
      var at = [0, 0, 0, 0]
      let ends = [paths.count, alpha.count, beta.count, numbers.count]
      var result: [Part] = []
      for (index, bound) in bounds.enumerated() {
        let next = (0..<4).map { at[$0] + counts[4 * index + $0] }
        guard zip(next, ends).allSatisfy({ $0 <= $1 }) else {
          throw failure("'\(name)' is cut off")
        }
        result.append(
          Part(
            path: Array(paths[at[0]..<next[0]]), alpha: Array(alpha[at[1]..<next[1]]),
            beta: Array(beta[at[2]..<next[2]]), lowerBound: bound,
            numbers: Array(numbers[at[3]..<next[3]])))
        at = next
      }
      return result
    }
    var searches: [Parts] = []
    for index in 0..<state[3] {
      let spent = try integers("\(index).spent")
      guard spent.count == 2 else { throw failure("a malformed state") }
      searches.append(
        Parts(
          open: try parts("\(index).open"), proved: try parts("\(index).proved"),
          branches: spent[0], rounds: spent[1]))
    }
    return SavedTree(
      key: key, problem: state[0], branches: state[1], rounds: state[2], searches: searches)
  }
}
