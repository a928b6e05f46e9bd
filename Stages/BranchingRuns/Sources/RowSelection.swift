import Formats
import StageKit
import Verification
import VerificationRecords

/// The rows of the tables that are to be verified, with their properties.
struct RowSelection {
  struct Row {
    var name: String
    var set: String
    var group: String
    var property: Property
  }

  let network: ReLUNetwork
  private(set) var rows: [Row] = []
  private(set) var skipped: [(table: String, row: Int, reason: String)] = []

  init(_ parameters: BranchingRuns.Parameters, _ context: StageContext) throws {
    let folder = try context.input("files").path
    do {
      let path = "\(folder)/\(parameters.network)"
      network =
        path.hasSuffix(".onnx")
        ? try ReLUNetwork.read(onnx: path) : try ReLUNetwork.read(checkpoint: path)
      let images = try CIFARImages(path: "\(folder)/\(parameters.images)")
      for file in PublishedRuns.files where parameters.tables.contains(file.name) {
        let table = try PropertyTable(path: "\(folder)/\(file.name).pkl")
        try take(table, file, images, parameters)
      }
    } catch {
      throw StageError(
        code: .badInput, message: "\(error)".replacing("\(folder)/", with: ""), slot: "files")
    }
    let known = Set(rows.map(\.name))
    if let missing = parameters.only.first(where: { !known.contains($0) }) {
      throw StageError(
        code: .badParameter,
        message: "'only' names '\(missing)', which is no usable row of "
          + parameters.tables.joined(separator: ", "))
    }
    guard !rows.isEmpty else {
      throw StageError(
        code: .badParameter,
        message: "no row is left of \(parameters.tables.joined(separator: ", ")); "
          + "\(skipped.count) cannot be used with the images at hand")
    }
  }

  private mutating func take(
    _ table: PropertyTable, _ file: PublishedRuns.File, _ images: CIFARImages,
    _ parameters: BranchingRuns.Parameters
  ) throws {
    let (usable, unusable) = try table.properties(of: network, images: images)
    skipped += unusable.map { (file.name, $0.row, $0.reason) }
    let recorded = try PublishedRuns.runs(table.table, of: file)
    let groups = Dictionary(recorded.map { ($0.property, $0.group) }) { first, _ in first }
    let branches = Dictionary(
      recorded.filter { $0.method == "gnn" }.map { ($0.property, $0.branches) }
    ) { first, _ in first }
    let wanted = usable.filter { entry in
      guard parameters.only.isEmpty || parameters.only.contains("\(file.name)/\(entry.row.row)")
      else { return false }
      guard parameters.mostRecorded > 0 else { return true }
      guard let count = branches["\(file.name)/\(entry.row.row)"] ?? nil else { return false }
      return count <= parameters.mostRecorded
    }
    let count = min(parameters.perTable, wanted.count)
    for number in 0..<count {
      let entry = wanted[number * wanted.count / count]
      let name = "\(file.name)/\(entry.row.row)"
      rows.append(
        Row(
          name: name, set: file.set, group: groups[name] ?? file.set, property: entry.property))
    }
  }
}
