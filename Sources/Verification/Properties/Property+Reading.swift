extension Property {
  /// Reads VNN-LIB, or one row of a table of properties, for a network.
  ///
  /// - Parameters:
  ///   - path: VNN-LIB text, or a pickled table.
  ///   - row: The table's row, from 0.
  ///   - images: CIFAR-10's `test_batch`, for a table.
  ///   - network: What the property is about.
  /// - Returns: The property with its inputs in the order of the network's first layer.
  /// - Throws: `FormatError` where a file can't be read, `VerificationError` where the property does
  ///   not fit.
  public static func read(
    path: String, row: Int = 0, images: String? = nil, for network: ReLUNetwork
  ) throws -> Property {
    if PropertyTable.isTable(path: path) {
      guard let images else {
        throw VerificationError(
          .badProperty, "\(path) is a table of properties; expected CIFAR-10's test_batch with it")
      }
      return try PropertyTable(path: path).property(
        row: row, of: network, images: CIFARImages(path: images))
    }
    let property = try VNNLIB.read(path: path)
    try property.check(against: network)
    return property.reordered(for: network)
  }
}
