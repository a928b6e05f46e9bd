public import Formats

/// Reads properties in the subset of VNN-LIB 1.0 that the competition's sets use.
///
/// A file declares `X_0 …` and `Y_0 …` as reals and asserts formulas that together describe the
/// counterexample: `<=` and `>=` of two terms, joined by `and` and `or`. Each case of the
/// disjunctive form has a box, from the atoms over `X`, and rows over `Y`. A number that is no
/// float64 is rounded so that the counterexamples described become more, never fewer: what holds of
/// the property read holds of the property written.
public enum VNNLIB {
  /// Cases that a file may expand to; a hostile one could ask for 2^n.
  static let caseLimit = 4096

  /// Reads a file.
  ///
  /// - Throws: `FormatError` with line and column.
  public static func read(path: String) throws(FormatError) -> Property {
    try read(FileContent(path: path))
  }

  /// Reads a file's content.
  ///
  /// - Throws: `FormatError` with line and column.
  public static func read(_ content: FileContent) throws(FormatError) -> Property {
    var parser = VNNLIBParser(bytes: content.withBytes { [UInt8]($0) }, file: content.name)
    try parser.readFile()
    return try parser.property()
  }
}

/// One comparison, normalised to `sum of terms + constant <= 0`.
private struct Atom {
  var place: Int
  /// The bounded input with its bound, where the atom is over `X`.
  var input: (index: Int, isUpper: Bool, bound: Double)?
  var outputs: [(index: Int, coefficient: Double)] = []
  var offset = 0.0
}

private struct VNNLIBParser {
  let bytes: [UInt8]
  let file: String
  var position = 0
  var inputCount = 0
  var outputCount = 0
  private var declaredInputs: Set<Int> = []
  private var declaredOutputs: Set<Int> = []
  /// The disjunctive form of what was asserted so far: cases of atoms beyond the common ones.
  private var cases: [[Atom]] = [[]]
  /// Atoms that hold in all cases; kept apart since a file has thousands of them.
  private var common: [Atom] = []

  init(bytes: [UInt8], file: String) {
    self.bytes = bytes
    self.file = file
  }

  // MARK: - Tokens

  private func failure(
    _ found: String, expected: String = "", at place: Int? = nil,
    _ code: FormatError.Code = .malformed
  ) -> FormatError {
    let place = min(place ?? position, bytes.count)
    let line = bytes[..<place].count { $0 == 10 } + 1
    let start = bytes[..<place].lastIndex(of: 10).map { $0 + 1 } ?? 0
    return FormatError(
      code, file: file, at: .row(line, column: place - start + 1), found: found, expected: expected)
  }

  private mutating func skipSpaces() {
    while position < bytes.count {
      switch bytes[position] {
      case 32, 9, 10, 13: position += 1
      case UInt8(ascii: ";"):
        while position < bytes.count && bytes[position] != 10 { position += 1 }
      default: return
      }
    }
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    skipSpaces()
    guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func expect(_ character: Unicode.Scalar) throws(FormatError) {
    skipSpaces()
    let place = position
    guard skip(character) else {
      throw failure(shownToken(), expected: "'\(character)'", at: place)
    }
  }

  private func shownToken() -> String {
    guard position < bytes.count else { return "the end of the file" }
    var end = position
    while end < bytes.count && end < position + 40 && !VNNLIBParser.isEnd(bytes[end]) { end += 1 }
    end = max(end, position + 1)
    return "'\(String(decoding: bytes[position..<end], as: UTF8.self))'"
  }

  private static func isEnd(_ byte: UInt8) -> Bool {
    byte <= 32 || byte == UInt8(ascii: "(") || byte == UInt8(ascii: ")")
      || byte == UInt8(ascii: ";")
  }

  private mutating func word() -> String {
    skipSpaces()
    let start = position
    while position < bytes.count && !VNNLIBParser.isEnd(bytes[position]) { position += 1 }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  // MARK: - Statements

  mutating func readFile() throws(FormatError) {
    skipSpaces()
    while position < bytes.count {
      try expect("(")
      let place = position
      switch word() {
      case "declare-const": try readDeclaration()
      case "assert":
        let asserted = try formula(depth: 0)
        if asserted.count == 1 {
          common += asserted[0]
        } else {
          cases = try product(cases, asserted, at: place)
        }
      case let other:
        throw failure("'\(other)'", expected: "declare-const or assert", at: place)
      }
      try expect(")")
      skipSpaces()
    }
  }

  private mutating func readDeclaration() throws(FormatError) {
    skipSpaces()
    let place = position
    let name = word()
    guard let variable = VNNLIBParser.variable(name) else {
      throw failure("'\(name)'", expected: "a variable such as X_0 or Y_0", at: place)
    }
    let isNew =
      variable.isInput
      ? declaredInputs.insert(variable.index).inserted
      : declaredOutputs.insert(variable.index).inserted
    guard isNew else { throw failure("a second declaration of '\(name)'", at: place) }
    if variable.isInput {
      inputCount = max(inputCount, variable.index + 1)
    } else {
      outputCount = max(outputCount, variable.index + 1)
    }
    skipSpaces()
    let typePlace = position
    let type = word()
    guard type == "Real" else { throw failure("'\(type)'", expected: "Real", at: typePlace) }
  }

  private static func variable(_ name: String) -> (isInput: Bool, index: Int)? {
    guard name.hasPrefix("X_") || name.hasPrefix("Y_"),
      name.dropFirst(2).allSatisfy({ $0.isASCII && $0.isNumber }), name.utf8.count <= 10,
      let index = Int(name.dropFirst(2))
    else { return nil }
    return (name.hasPrefix("X_"), index)
  }

  // MARK: - Formulas

  /// A formula in disjunctive form.
  private mutating func formula(depth: Int) throws(FormatError) -> [[Atom]] {
    guard depth < 64 else { throw failure("formulas nested deeper than 64 levels", .limit) }
    try expect("(")
    skipSpaces()
    let place = position
    let name = word()
    var result: [[Atom]]
    switch name {
    case "<=": result = [[try comparison(place)]]
    case ">=": result = [[try comparison(place, isReversed: true)]]
    case "and":
      result = [[]]
      repeat { result = try product(result, formula(depth: depth + 1), at: place) } while !atEnd()
    case "or":
      result = []
      repeat {
        result += try formula(depth: depth + 1)
        guard result.count <= VNNLIB.caseLimit else { throw tooMany(place) }
      } while !atEnd()
    default: throw failure("operator '\(name)'", expected: "<=, >=, and, or", at: place)
    }
    try expect(")")
    return result
  }

  private mutating func atEnd() -> Bool {
    skipSpaces()
    return position >= bytes.count || bytes[position] == UInt8(ascii: ")")
  }

  private func tooMany(_ place: Int) -> FormatError {
    failure("more than \(VNNLIB.caseLimit) cases", expected: "fewer", at: place, .limit)
  }

  private func product(
    _ first: [[Atom]], _ second: [[Atom]], at place: Int
  ) throws(FormatError) -> [[Atom]] {
    if first.count == 1 && first[0].isEmpty { return second }
    guard first.count * second.count <= VNNLIB.caseLimit else { throw tooMany(place) }
    // Atoms times cases; one case is the common one and cheap.
    return first.flatMap { one in second.map { one + $0 } }
  }

  private enum Term {
    case input(Int)
    case output(Int)
    case number(Double, String)
  }

  private mutating func term() throws(FormatError) -> Term {
    skipSpaces()
    let place = position
    let text = word()
    if text.hasPrefix("X_") || text.hasPrefix("Y_") {
      guard let variable = VNNLIBParser.variable(text),
        (variable.isInput ? declaredInputs : declaredOutputs).contains(variable.index)
      else {
        throw failure(
          "'\(text)', which is not declared", expected: "a declared variable", at: place)
      }
      return variable.isInput ? .input(variable.index) : .output(variable.index)
    }
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || "+-.eE".utf8.contains($0) }),
      let first = text.utf8.first, first == UInt8(ascii: "-") || (0x30...0x39).contains(first),
      let number = Double(text), number.isFinite
    else {
      throw failure(
        text.isEmpty ? shownToken() : "'\(text)'", expected: "a variable or a finite number",
        at: place)
    }
    return .number(number, text)
  }

  private mutating func comparison(
    _ place: Int, isReversed: Bool = false
  ) throws(FormatError) -> Atom {
    var (less, more) = (try term(), try term())
    if isReversed { (less, more) = (more, less) }
    var atom = Atom(place: place)
    switch (less, more) {
    case (.input(let index), .number(let bound, let text)):
      atom.input = (index, true, DecimalNumber.up(text, nearest: bound))
    case (.number(let bound, let text), .input(let index)):
      atom.input = (index, false, DecimalNumber.down(text, nearest: bound))
    case (.input, _), (_, .input):
      throw failure(
        "a comparison of an input with another variable", expected: "an input and a number",
        at: place)
    default:
      for (term, sign) in [(less, 1.0), (more, -1)] {
        switch term {
        case .output(let index): atom.outputs.append((index, sign))
        case .number(let number, let text):
          // `less - more <= 0`: a smaller offset admits more points.
          atom.offset +=
            sign > 0
            ? DecimalNumber.down(text, nearest: number) : -DecimalNumber.up(text, nearest: number)
        case .input: break
        }
      }
      guard !atom.outputs.isEmpty else {
        throw failure(
          "a comparison of two numbers", expected: "an input or output variable", at: place)
      }
    }
    return atom
  }

  // MARK: - The property

  mutating func property() throws(FormatError) -> Property {
    position = bytes.count
    for (kind, declared, count) in [
      ("X", declaredInputs, inputCount), ("Y", declaredOutputs, outputCount),
    ] {
      guard !declared.isEmpty else {
        throw failure("no variable \(kind)_0", expected: "declared inputs and outputs")
      }
      guard declared.count == count, let missing = Optional(count - 1) else {
        let missing = (0..<count).first { !declared.contains($0) } ?? 0
        throw failure("no declaration of '\(kind)_\(missing)'", expected: "all from 0")
      }
      _ = missing
    }
    let infinite = Box(
      lower: [Double](repeating: -.infinity, count: inputCount),
      upper: [Double](repeating: .infinity, count: inputCount))
    var shared = infinite
    for atom in common { VNNLIBParser.narrow(&shared, atom) }
    var problems: [Problem] = []
    var known: [Box: Int] = [:]
    for atoms in cases {
      var box = shared
      for atom in atoms { VNNLIBParser.narrow(&box, atom) }
      try check(box, atoms)
      let rows = (common + atoms).filter { $0.input == nil }.map(row)
      guard !rows.isEmpty else {
        throw failure(
          "a case without a condition on an output",
          expected: "a comparison of outputs in each case, since the property is empty otherwise")
      }
      if let index = known[box] {
        problems[index].clauses.append(Clause(rows: rows))
      } else {
        known[box] = problems.count
        problems.append(Problem(box: box, clauses: [Clause(rows: rows)]))
      }
    }
    return Property(problems: problems)
  }

  private static func narrow(_ box: inout Box, _ atom: Atom) {
    guard let input = atom.input else { return }
    if input.isUpper {
      box.upper[input.index] = min(box.upper[input.index], input.bound)
    } else {
      box.lower[input.index] = max(box.lower[input.index], input.bound)
    }
  }

  private func check(_ box: Box, _ atoms: [Atom]) throws(FormatError) {
    for index in 0..<inputCount {
      let (lower, upper) = (box.lower[index], box.upper[index])
      guard lower.isFinite, upper.isFinite else {
        throw failure(
          "no \(lower.isFinite ? "upper" : "lower") bound of 'X_\(index)'",
          expected: "a lower and an upper bound of every input")
      }
      guard lower <= upper else {
        let place = (common + atoms).last { $0.input?.index == index }?.place
        throw failure(
          "'X_\(index)' from \(lower) to \(upper)", expected: "a lower bound below the upper one",
          at: place)
      }
    }
  }

  private func row(_ atom: Atom) -> OutputRow {
    var coefficients = [Double](repeating: 0, count: outputCount)
    for term in atom.outputs { coefficients[term.index] += term.coefficient }
    return OutputRow(coefficients: coefficients, offset: atom.offset)
  }
}
