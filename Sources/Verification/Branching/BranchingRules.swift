/// The hand-made rules by name.
public enum BranchingRules {
  public static let names = ["babsr", "fsb", "random", "strong"]

  /// A rule in its first state.
  ///
  /// - Throws: `VerificationError` that lists the names there are.
  public static func rule(
    named name: String, seed: UInt64
  ) throws(VerificationError) -> any BranchingRule {
    switch name {
    case "babsr": BaBSR()
    case "fsb": FilteredSmartBranching()
    case "random": RandomBranching(seed: seed)
    case "strong": StrongBranching()
    default:
      throw VerificationError(
        .badOption, "no branching rule '\(name)'; there are \(names.joined(separator: ", "))")
    }
  }
}
