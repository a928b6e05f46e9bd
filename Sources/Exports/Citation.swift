public import ContentHashing
import Foundation
import RunRecord
import StructuredValue

/// A run as an entry of a bibliography: which commit, which record, how many claims hold.
public struct Citation {
  private let run: ExportedRun
  private let recordDigest: Digest

  /// - `recordDigest`: The SHA-256 of the record's canonical bytes, by which a reader can
  ///   tell that a record is the cited one.
  public init(_ run: ExportedRun, recordDigest: Digest) {
    self.run = run
    self.recordDigest = recordDigest
  }

  /// The entry's key: `pipeline-20261123-163417-3f9a2c`.
  public var key: String { "pipeline-\(run.record.id)" }

  /// An entry of biblatex's type `software`, which BibTeX's styles show as `misc`.
  public var bibTeX: String {
    let record = run.record
    var notes = ["Run \(record.id) of \(record.file)"]
    if let profile = record.profile { notes.append("profile \(profile)") }
    for (name, value) in record.overrides.sorted(by: { $0.key < $1.key }) {
      notes.append("\(name)=\(value.text)")
    }
    if record.status != .succeeded { notes.append("status \(record.status.rawValue)") }
    if record.source?.dirty == true {
      notes.append("with uncommitted changes, tree \(record.source?.snapshot ?? "not kept")")
    }
    let claims = run.claims
    if !claims.isEmpty {
      notes.append("\(claims.count { $0.verdict == .holds }) of \(claims.count) claims held")
    }
    notes.append("record SHA-256 \(recordDigest.hex)")
    var fields: [(String, String)] = [
      ("title", "{\(TeX.escape(run.title))}"), ("date", String(record.started.prefix(10))),
      ("year", String(record.started.prefix(4))),
    ]
    if let commit = record.source?.commit { fields.append(("version", "commit \(commit)")) }
    if let remote = record.source?.remote { fields.append(("url", remote)) }
    fields.append(("note", TeX.escape(notes.joined(separator: "; "))))
    let width = fields.map(\.0.count).max() ?? 0
    let lines = fields.map { name, value in
      "  \(name)\(String(repeating: " ", count: width - name.count)) = {\(value)},"
    }
    return "@software{\(key),\n\(lines.joined(separator: "\n"))\n}\n"
  }
}

/// Texts for TeX.
enum TeX {
  static func escape(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\textbackslash{}"
      case "{", "}", "%", "&", "#", "_", "$": result += "\\\(character)"
      case "~": result += "\\textasciitilde{}"
      case "^": result += "\\textasciicircum{}"
      case "−": result += "$-$"
      case _ where character.isNewline: result += " "
      default: result.append(character)
      }
    }
    return result
  }
}
