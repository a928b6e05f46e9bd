import ContentHashing
import Foundation
import RunRecord
import StructuredValue

/// The figures that a record shows, read and drawn in one go.
struct PageFigures {
  struct Figure {
    var spec: String
    var drawing: DrawnFigure
    var title: String?
    var description: String?
  }

  private(set) var byDigest: [Digest: Figure] = [:]
  /// Why a figure's bytes can't be had.
  private(set) var missing: [Digest: String] = [:]

  /// Above this a specification stays a picture: browsers would take long to run it.
  static let largestInteractive = 2 << 20

  init(_ record: RunRecord, _ artifacts: any ArtifactReading, _ drawer: any FigureDrawing) {
    self.init(PageFigures.shown(in: record), artifacts, drawer)
  }

  init(_ digests: [Digest], _ artifacts: any ArtifactReading, _ drawer: any FigureDrawing) {
    var specs: [(digest: Digest, text: String)] = []
    for digest in digests {
      do {
        specs.append((digest, String(decoding: try artifacts.bytes(of: digest), as: UTF8.self)))
      } catch {
        missing[digest] = "\(error)"
      }
    }
    let drawings = specs.isEmpty ? [] : drawer.draw(specs.map(\.text))
    for (index, (digest, text)) in specs.enumerated() {
      let object =
        (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
      let title =
        object["title"] as? String ?? (object["title"] as? [String: Any])?["text"] as? String
      byDigest[digest] = Figure(
        spec: text,
        drawing: index < drawings.count
          ? drawings[index] : .failure("the drawer gave no answer for this figure"),
        title: title, description: object["description"] as? String)
    }
  }

  /// The digests of all figures with a place in the page, each once, in reading order.
  static func shown(in record: RunRecord) -> [Digest] {
    let instances = Dictionary(grouping: record.instances, by: \.cell)
    var seen: Set<Digest> = []
    var digests: [Digest] = []
    for case .stage(let cell) in record.cells {
      for case .figure(let slot) in cell.show {
        for instance in instances[cell.id] ?? [] {
          for output in instance.outputs where output.slot == slot && !output.isTree {
            if seen.insert(output.digest).inserted { digests.append(output.digest) }
          }
        }
      }
    }
    return digests
  }

  /// The data inside a specification as a table, for a figure that can't be drawn.
  static func data(of spec: String) -> DataTable? {
    guard spec.utf8.count < 4 << 20, let value = try? Value(json: spec) else { return nil }
    let inline = value["data"]?["values"] ?? value["datasets"]?.map?.values.first
    guard let rows = inline?.list, case .map(let first)? = rows.first else { return nil }
    let names = first.keys.sorted()
    var csv = CommaSeparated([])
    csv.header = names
    csv.rows = rows.map { row in names.map { row[$0].map { $0.isNull ? "" : $0.text } ?? "" } }
    return DataTable(caption: "Data of the figure", csv: csv, visibleRows: 12)
  }
}
