import PipelineSpec
import SpecSyntax

extension GraphBuilder {
  /// Two stages must not write one file, and none what is not theirs to write.
  mutating func checkPublishing() {
    var writers: [String: String] = [:]
    for instance in instances {
      for output in instance.outputs {
        guard let path = output.publish else { continue }
        if let other = writers[path] {
          report(
            "P0121", "'\(path)' is published by \(other) and by \(instance.name)",
            at: cells[instance.cell]?.id.location,
            help: "add '${matrix.…}' to the path, or publish one of them")
        }
        writers[path] = instance.name
        if let owner = owner(of: path) {
          report(
            "P0122", "'\(output.name)' cannot be published as '\(path)', which is \(owner)",
            at: place(of: output.name, instance), help: "publish it under another name")
        }
      }
    }
    if !writers.isEmpty { checkSources(writers) }
  }

  private func place(of output: String, _ instance: Instance) -> SourceLocation? {
    let declared = cells[instance.cell]?.outputs.first { $0.name.value == output }
    return declared?.publish?.location ?? cells[instance.cell]?.id.location
  }

  /// Whose a path of the project is that no output may take.
  private func owner(of path: String) -> String? {
    if path.isEmpty { return "the project's own folder" }
    if pipeline.files.contains(path) { return "a file of this pipeline" }
    let steps = path.split(separator: "/")
    if steps.contains(where: { $0.lowercased() == ".git" }) { return "git's" }
    return steps.first == "Artifacts" ? "the store's" : nil
  }

  /// What is published is no source: without an edge between the two, the reader gets whatever lies
  /// there.
  private mutating func checkSources(_ writers: [String: String]) {
    var inside: [String: String] = [:]
    for path in writers.keys.sorted() {
      var folder = path[...]
      while let slash = folder.lastIndex(of: "/") {
        folder = folder[..<slash]
        if inside[String(folder)] == nil { inside[String(folder)] = path }
      }
      if inside[""] == nil { inside[""] = path }
    }
    for instance in instances {
      for input in instance.inputs {
        guard case .path(let path) = input.source else { continue }
        let place = cells[instance.cell]?.inputs.first { $0.name.value == input.name }?.reference
          .location
        if let writer = writers[path] {
          report(
            "P0121", "'\(path)' is what \(writer) publishes, so reading it as a file makes no edge",
            at: place, help: "write '\(reference(to: path))', which waits for it")
        } else if let published = inside[path], let writer = writers[published] {
          report(
            "P0121",
            "the folder '\(input.reference)' holds '\(published)', which \(writer) publishes: "
              + "each run would change its own input", at: place,
            help: "publish it elsewhere, or read it as '\(reference(to: published))'",
            severity: .warning)
        }
      }
    }
  }

  /// How an input names the output that is published as a path.
  private func reference(to path: String) -> String {
    for instance in instances {
      for output in instance.outputs where output.publish == path {
        return "\(instance.name).\(output.name)"
      }
    }
    return "stage.slot"
  }
}
