/// Says which table, row, design or parameter is wrong and what would be right.
public struct EdgeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kind of an error, open for more kinds in later versions.
  public struct Code: Hashable, Sendable {
    private enum Kind: Hashable, Sendable {
      case badTable, badDesign, badParameter, overBudget, diverged
    }
    private let kind: Kind

    /// A table's rows, values or length are not usable.
    public static let badTable = Code(kind: .badTable)
    /// A design is not a member of its search space.
    public static let badDesign = Code(kind: .badDesign)
    /// A parameter is outside of its range for this data.
    public static let badParameter = Code(kind: .badParameter)
    /// A measurement was asked for after the budget was spent.
    public static let overBudget = Code(kind: .overBudget)
    /// Training ended at a loss that is not finite.
    public static let diverged = Code(kind: .diverged)
  }

  public var code: Code
  public var message: String
  public var description: String { message }

  public init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }
}
