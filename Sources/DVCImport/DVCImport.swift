public import SpecSyntax
import StructuredValue

/// A pipeline file made from a dvc.yaml.
public struct DVCImport {
  /// The text of the new paper.yaml; nil where the file cannot be understood.
  public var pipeline: String?
  /// What could not be carried over, each with its place.
  public var notes: [Diagnostic]

  /// What the importer may ask about the project.
  public struct Surroundings {
    /// The text of a file, by its path relative to dvc.yaml; nil where there is none.
    public var text: (String) -> String?
    /// Whether a path is a folder; nil where nothing is there.
    public var isFolder: (String) -> Bool?

    public init(text: @escaping (String) -> String?, isFolder: @escaping (String) -> Bool?) {
      self.text = text
      self.isFolder = isFolder
    }
  }

  /// Carries a plain DVC project over.
  ///
  /// - `text`: The text of dvc.yaml.
  /// - `file`: Its name, for messages.
  /// - `name`: What the pipeline is called.
  public init(text: String, file: String, name: String, surroundings: Surroundings) {
    let (root, diagnostics) = YAMLReader.read(text, file: file)
    guard let root, !diagnostics.contains(where: { $0.severity == .error }) else {
      pipeline = nil
      notes = diagnostics
      return
    }
    let reader = DVCReader(root)
    guard !reader.notes.contains(where: { $0.severity == .error }) else {
      pipeline = nil
      notes = reader.notes
      return
    }
    var converter = DVCConverter(reader.pipeline, surroundings)
    pipeline = converter.pipeline(name: name, file: file)
    notes = reader.notes + converter.notes
    if notes.contains(where: { $0.severity == .error }) { pipeline = nil }
    notes.sort { ($0.location?.line ?? 0) < ($1.location?.line ?? 0) }
  }
}
