import Formats
public import StageKit
import StructuredTraining

/// Makes a set of labelled pictures from published files.
public struct LabelledPictures: Stage {
  public struct Parameters: Decodable, Sendable {
    var images: [String]
    var labels: [String]
    var first: Int
    var count: Int
    var classes: [Int]
    var shares: [String: Double]
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    for name in parameters.images + parameters.labels
    where name.isEmpty || name.hasPrefix("/") || name.split(separator: "/").contains("..") {
      throw StageError(
        code: .badParameter, message: "'\(name)' is no name of a file in the folder")
    }
    let all = try context.read("folder") { folder in
      try PictureSet(
        files: parameters.images.map { "\(folder)/\($0)" },
        labels: parameters.labels.map { "\(folder)/\($0)" })
    }
    do {
      guard parameters.first < all.count else {
        throw TrainingError(
          .badPictures, "the first is picture \(parameters.first); there are \(all.count)")
      }
      let rest = all.count - parameters.first
      let count = parameters.count == 0 ? rest : parameters.count
      guard count <= rest else {
        throw TrainingError(
          .badPictures,
          "\(count) pictures are asked for from picture \(parameters.first) on; there are \(rest)")
      }
      var set = try all[parameters.first..<parameters.first + count]
      if !parameters.classes.isEmpty { set = try set.only(parameters.classes) }
      set = try set.thinned(shares(parameters))
      try set.write(safetensors: context.output("pictures"))
      context.metric("pictures", set.count)
      context.metric("classes", set.classes)
    } catch let error as TrainingError {
      throw StageError(code: .badParameter, message: error.message)
    }
  }

  private func shares(_ parameters: Parameters) throws -> [Int: Double] {
    var shares: [Int: Double] = [:]
    for (name, share) in parameters.shares {
      guard let label = Int(name), label >= 0 else {
        throw StageError(
          code: .badParameter,
          message: "'shares' names '\(name)'; its names are the numbers of classes, as in {3: 0.01}"
        )
      }
      shares[label] = share
    }
    return shares
  }
}
