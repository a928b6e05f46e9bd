import Formats

/// A design of the once-for-all space of MobileNetV3 blocks.
///
/// Source: Cai et al. (ICLR 2020), section 4. Five units of up to four blocks; as text kernel sizes,
/// expansions, depths and the resolution, such as `75557757573753735353-64466343363336346436-22223-204`.
public struct OnceForAll: Hashable, Sendable {
  public static let kernelSizes = [3, 5, 7]
  public static let expansionRatios = [3, 4, 6]
  public static let depthChoices = [2, 3, 4]
  public static let resolutions = Array(stride(from: 128, through: 224, by: 4))

  /// Of 20 blocks, four for each unit; those beyond a unit's depth have no effect.
  public let kernels: [Int]
  /// Of 20 blocks.
  public let expansions: [Int]
  /// Of 5 units.
  public let depths: [Int]
  /// Height and width of the images.
  public let resolution: Int

  /// - Throws: `EdgeError` with the position, its value and the allowed set.
  public init(
    kernels: [Int], expansions: [Int], depths: [Int], resolution: Int
  ) throws(EdgeError) {
    let parts = [
      ("kernel", kernels, 20, OnceForAll.kernelSizes),
      ("expansion", expansions, 20, OnceForAll.expansionRatios),
      ("depth", depths, 5, OnceForAll.depthChoices),
      ("resolution", [resolution], 1, OnceForAll.resolutions),
    ]
    for (name, values, count, allowed) in parts {
      guard values.count == count else {
        throw EdgeError(.badDesign, "\(values.count) values for \(name); ofa needs \(count)")
      }
      if let position = values.firstIndex(where: { !allowed.contains($0) }) {
        let place = count > 1 ? "\(name) \(position)" : name
        let set =
          name == "resolution"
          ? "128 to 224 in steps of 4" : allowed.map(String.init).joined(separator: ", ")
        throw EdgeError(
          .badDesign, "\(place) of an ofa design is \(values[position]); allowed are \(set)")
      }
    }
    self.kernels = kernels
    self.expansions = expansions
    self.depths = depths
    self.resolution = resolution
  }

  /// Reads the text form.
  ///
  /// - Throws: `EdgeError` with what is wrong.
  public init(_ text: String) throws(EdgeError) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 4, let resolution = Int(parts[3]) else {
      throw EdgeError(
        .badDesign,
        "design '\(text)'; ofa needs 20 kernels, 20 expansions, 5 depths and a resolution between '-'"
      )
    }
    var numbers: [[Int]] = []
    for part in parts[..<3] { numbers.append(part.utf8.map { Int($0) - 48 }) }
    try self.init(
      kernels: numbers[0], expansions: numbers[1], depths: numbers[2], resolution: resolution)
  }

  public var text: String {
    [kernels, expansions, depths].map { $0.map(String.init).joined() }.joined(separator: "-")
      + "-\(resolution)"
  }

  /// 145 indicators: kernel and expansion of each block, all 0 beyond its unit's depth, and resolution.
  public var encoding: [Double] {
    var result = [Double](repeating: 0, count: 145)
    for block in 0..<20 where block % 4 < depths[block / 4] {
      result[block * 3 + (kernels[block] - 3) / 2] = 1
      result[60 + block * 3 + (expansions[block] == 6 ? 2 : expansions[block] - 3)] = 1
    }
    result[120 + (resolution - 128) / 4] = 1
    return result
  }

  /// Reads a PyTorch file with the key `arch`: a list of dictionaries `ks`, `e`, `d` and `r`.
  ///
  /// - Throws: `FormatError` for an unreadable file, `EdgeError` with the row that is wrong.
  public static func designs(path: String) throws -> [OnceForAll] {
    guard let rows = try TorchFile.read(path: path)["arch"]?.list else {
      throw EdgeError(.badTable, "\(path): no list under the key 'arch'")
    }
    return try rows.enumerated().map { row, value in
      let lists = ["ks", "e", "d"].map { value[$0]?.list?.compactMap(\.int) ?? [] }
      guard let resolution = value["r"]?.int else {
        throw EdgeError(.badTable, "\(path): row \(row) has no integer 'r'")
      }
      do {
        return try OnceForAll(
          kernels: lists[0], expansions: lists[1], depths: lists[2], resolution: resolution)
      } catch let error as EdgeError {
        throw EdgeError(error.code, "\(path): row \(row): \(error.message)")
      }
    }
  }
}
