public import StageKit

/// The stages that are linked into the program, one entry each.
public enum BuiltinStages {
  public static let all: [any Stage.Type] = []
}
