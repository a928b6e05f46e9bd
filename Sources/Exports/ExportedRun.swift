import ContentHashing
public import Notebook
public import RunRecord
import StructuredValue

/// A run with all that an export may show of it: texts filled in, artifacts, drawings.
public struct ExportedRun {
  public let record: RunRecord
  let artifacts: any ArtifactReading
  let formatting: Formatting
  private let drawings: [Digest: DrawnFigure]
  private let specs: [Digest: String]
  private let byCell: [String: [InstanceRecord]]

  /// How numbers get into texts.
  public struct Formatting {
    /// Fills in the `{{ … }}` of a text cell.
    public var prose: (String) -> String
    /// A number by one of the formats that `{{ name | format }}` takes, such as `.2` or `.1%`.
    public var number: (Double, String) -> String

    public init(
      prose: @escaping (String) -> String, number: @escaping (Double, String) -> String
    ) {
      self.prose = prose
      self.number = number
    }
  }

  /// - `figures`: Draws figures on white; nil for exports that show none.
  public init(
    _ record: RunRecord, artifacts: any ArtifactReading, figures: (any FigureDrawing)?,
    formatting: Formatting
  ) {
    self.record = record
    self.artifacts = artifacts
    self.formatting = formatting
    let byCell = Dictionary(grouping: record.instances, by: \.cell)
    self.byCell = byCell
    var specs: [Digest: String] = [:]
    if figures != nil {
      for case .stage(let cell) in record.cells {
        for case .figure(let slot) in cell.show {
          for output in (byCell[cell.id] ?? []).flatMap(\.outputs)
          where output.slot == slot && !output.isTree && specs[output.digest] == nil {
            specs[output.digest] = (try? artifacts.bytes(of: output.digest)).map {
              String(decoding: $0, as: UTF8.self)
            }
          }
        }
      }
    }
    self.specs = specs
    let order = specs.keys.sorted { $0.hex < $1.hex }
    let drawn = order.isEmpty ? [] : figures?.draw(order.compactMap { specs[$0] }) ?? []
    drawings = Dictionary(zip(order, drawn)) { first, _ in first }
  }

  var claims: [ClaimRecord] {
    record.cells.compactMap { if case .claim(let claim) = $0 { claim } else { nil } }
  }

  var title: String { record.title.isEmpty ? record.name : record.title }

  func instances(of cell: StageCellRecord) -> [InstanceRecord] { byCell[cell.id] ?? [] }

  /// A figure's drawing on white.
  func drawing(of output: ArtifactRecord) -> DrawnFigure {
    drawings[output.digest] ?? .failure("the store no longer has the figure")
  }

  /// A figure's Vega-Lite specification.
  func specification(of output: ArtifactRecord) -> Value? {
    specs[output.digest].flatMap { try? Value(json: $0) }
  }

  /// The CSV behind a table, or the sentence that says why it cannot be shown.
  func table(of output: ArtifactRecord) -> Result<CommaSeparated, MissingContent> {
    bytes(of: output).map { CommaSeparated($0) }
  }

  func bytes(of output: ArtifactRecord) -> Result<[UInt8], MissingContent> {
    guard !output.isTree else { return .failure(MissingContent("it is a folder")) }
    do { return .success(try artifacts.bytes(of: output.digest)) } catch {
      return .failure(MissingContent("\(error)"))
    }
  }
}

/// Why an output cannot be shown.
struct MissingContent: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
