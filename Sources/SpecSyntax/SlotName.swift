/// Names of inputs and outputs, which are names of files in a stage's folder, too.
public enum SlotName {
  /// - Returns: What is wrong with a name; nil where it may be used.
  public static func problem(_ name: String, at location: SourceLocation) -> Diagnostic? {
    // The shell, a file's path and `stage.slot` all have to take it as one word.
    let isFine =
      !name.isEmpty && name.utf8.count <= 100
      && name.unicodeScalars.allSatisfy {
        $0.properties.isAlphabetic || $0.properties.numericType != nil
          || "_-.".unicodeScalars.contains($0)
      } && !name.hasPrefix(".") && !name.hasPrefix("-")
    guard !isFine else { return nil }
    return Diagnostic(
      code: "P0104", message: "'\(name.prefix(100))' cannot name an input or output",
      location: location,
      help: "a name has letters, digits, '-', '_' and '.', starts with none of '-' and '.', "
        + "and is no longer than 100 bytes")
  }
}
