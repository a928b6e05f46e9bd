import Foundation
import PipelineSpec
import Projects
import SpecSyntax
import StageManifest
import StructuredValue

/// Writes changed parameters into the files that set them.
///
/// Nothing is written before the pipeline has been read with all changes and found valid.
struct ParameterEditor {
  let project: Project
  let configuration: LiveConfiguration

  struct Change {
    var target: ParameterForm.Target
    /// As the user typed it; nil to set no value here any more.
    var text: String?
    /// What the form showed, to notice that the file has changed meanwhile.
    var was: String
  }

  /// - Throws: `LiveError` with what is wrong, in words for the form.
  func apply(_ changes: [Change]) throws {
    let loaded = try project.load(configuration.path, options: configuration.options)
    var texts: [String: String] = [:]
    var checks: [(target: ParameterForm.Target, value: Value?)] = []
    for change in changes {
      let field = try field(change.target, loaded)
      if let obstacle = field.obstacle { throw LiveError(409, "\(field.label): \(obstacle)") }
      guard field.text == change.was else {
        throw LiveError(
          409, "\(field.label) is '\(field.text)' by now; open the form again to change it.")
      }
      let (file, steps) = try place(change.target, loaded)
      var editor = YAMLEditor(try texts[file] ?? text(of: file, loaded), file: file)
      do {
        checks.append((change.target, try edit(&editor, steps, change.text, field)))
      } catch let error as YAMLEditError {
        throw LiveError(409, error.description)
      }
      texts[file] = editor.text
    }
    try check(checks, texts)
    for (file, text) in texts.sorted(by: { $0.key < $1.key }) { try write(text, to: file) }
  }

  /// - Returns: The value that holds then; nil for none.
  private func edit(
    _ editor: inout YAMLEditor, _ steps: [YAMLEditor.Step], _ text: String?,
    _ field: ParameterForm.Field
  ) throws -> Value? {
    guard let text else {
      guard field.canUnset else {
        throw LiveError(409, "\(field.label) has no default; give it a value.")
      }
      // A profile that sets nothing is still one that can be chosen.
      var isOfCell = false
      if case .cell = field.target { isOfCell = true }
      try editor.remove(steps, withEmptyMap: isOfCell)
      return isOfCell ? nil : field.fallback
    }
    let value = try ParameterEditor.value(of: text, field)
    try editor.set(
      steps, to: value, spelling: text.trimmingCharacters(in: .whitespaces),
      after: ["inputs", "uses"])
    return value
  }

  private func field(_ target: ParameterForm.Target, _ loaded: LoadedPipeline) throws
    -> ParameterForm.Field
  {
    let cell: String? = if case .cell(let cell, _) = target { cell } else { nil }
    let form = ParameterForm(cell: cell, loaded: loaded, project: project)
    guard let field = form?.fields.first(where: { $0.target == target }) else {
      throw LiveError(404, "There is no such parameter any more; open the form again.")
    }
    return field
  }

  /// The value that a text means in a field.
  static func value(of text: String, _ field: ParameterForm.Field) throws -> Value {
    let plain = text.trimmingCharacters(in: .whitespacesAndNewlines)
    func wrong(_ wanted: String) -> LiveError {
      LiveError(422, "\(field.label): '\(plain)' is no \(wanted).")
    }
    switch field.kind {
    case "string": return .string(text)
    case "choice":
      let choices = field.schema?.choices ?? []
      guard let value = choices.first(where: { $0.text == plain }) else { throw wrong("choice") }
      return value
    case "boolean":
      guard let flag = YAMLReader.plainScalar(plain).bool else { throw wrong("true or false") }
      return .bool(flag)
    case "integer":
      guard case .int(let number) = YAMLReader.plainScalar(plain) else { throw wrong("integer") }
      return .int(number)
    case "number":
      let value = YAMLReader.plainScalar(plain)
      guard value.string == nil, value.double != nil else { throw wrong("number") }
      return value
    default:
      let (node, problems) = YAMLReader.read(plain.isEmpty ? "null" : plain, file: field.label)
      guard let node, problems.isEmpty else {
        throw LiveError(422, problems.first.map { $0.rendered { _ in plain } } ?? "no YAML")
      }
      return node.value
    }
  }

  private func place(_ target: ParameterForm.Target, _ loaded: LoadedPipeline) throws
    -> (file: String, steps: [YAMLEditor.Step])
  {
    switch target {
    case .pipeline(let path):
      guard let place = loaded.place(of: path) else {
        throw LiveError(409, "No file sets '\(path)'.")
      }
      return (place.file, place.steps)
    case .cell(let id, let parameter):
      guard let stage = loaded.stage(id) else { throw LiveError(404, "There is no cell '\(id)'.") }
      let file = stage.id.location.file
      let cells = YAMLReader.read(try text(of: file, loaded), file: file).0?.value["cells"]?.list
      guard let index = cells?.firstIndex(where: { $0["stage"]?.text == id }) else {
        throw LiveError(409, "'\(id)' is no cell of \(file); edit the file by hand.")
      }
      return (file, [.key("cells"), .index(index), .key("params"), .key(parameter)])
    }
  }

  private func text(of file: String, _ loaded: LoadedPipeline) throws -> String {
    guard let text = loaded.files.first(where: { $0.path == file })?.text else {
      throw LiveError(409, "'\(file)' is no file of the pipeline.")
    }
    return text
  }

  /// Reads the pipeline as it would be, and looks whether each value arrived.
  private func check(
    _ checks: [(target: ParameterForm.Target, value: Value?)], _ texts: [String: String]
  ) throws {
    let loaded: LoadedPipeline
    do {
      loaded = try project.load(configuration.path, options: configuration.options, instead: texts)
    } catch let error as ProjectError {
      throw LiveError(422, error.message)
    }
    for (target, value) in checks {
      switch target {
      case .pipeline(let path):
        guard loaded.value(at: path) != value else { continue }
        throw LiveError(409, "Another file sets '\(path)', too; edit the files by hand.")
      case .cell(let id, let parameter):
        guard loaded.stage(id)?.params[parameter]?.value != value else { continue }
        throw LiveError(409, "'\(parameter)' did not change; edit the file by hand.")
      }
    }
  }

  /// Replaces a file as a whole, with the permissions it had; what a link names, not the link.
  private func write(_ text: String, to file: String) throws {
    let path = URL(fileURLWithPath: "\(project.root)/\(file)").resolvingSymlinksInPath().path
    let temporary = "\(path).\(UUID().uuidString.prefix(8))~"
    var facts = stat()
    do {
      guard stat(path, &facts) == 0 else { throw LiveError(500, "'\(file)' is gone.") }
      try Data(text.utf8).write(to: URL(fileURLWithPath: temporary))
      chmod(temporary, facts.st_mode & 0o7777)
      guard rename(temporary, path) == 0 else {
        throw LiveError(500, "'\(file)' cannot be replaced: \(String(cString: strerror(errno))).")
      }
    } catch {
      unlink(temporary)
      if let error = error as? LiveError { throw error }
      throw LiveError(500, "'\(file)' cannot be written: \(error.localizedDescription)")
    }
  }
}
