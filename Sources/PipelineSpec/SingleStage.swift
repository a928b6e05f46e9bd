package import SpecSyntax
package import StructuredValue

extension Pipeline {
  /// The pipeline of one stage, for those who name it and what it works on without a file.
  ///
  /// - Parameters:
  ///   - stage: The plugin's name, which is the cell's too.
  ///   - major: Its major version.
  ///   - inputs: Absolute paths by slot.
  ///   - params: Values by name.
  ///   - publications: Where outputs go, absolute paths by slot.
  ///   - seed: The seed of everything stochastic.
  /// - Returns: A pipeline that has not been checked against the stage's manifest.
  package static func single(
    _ stage: Located<String>, major: Int, inputs: [(slot: String, path: Located<String>)],
    params: [String: Located<Value>], publications: [String: String], seed: UInt64
  ) -> Pipeline {
    func literal(_ path: String) -> String { path.replacing("${", with: "$${") }
    var cell = StageCell(
      id: stage, action: .plugin(name: stage.value, major: major), actionLocation: stage.location)
    cell.isExternal = true
    cell.inputs = inputs.map { slot, path in
      StageCell.InputBinding(
        name: Located(slot, at: path.location),
        reference: Located(.string("file:" + literal(path.value)), at: path.location))
    }
    cell.params = params
    cell.outputs = publications.sorted { $0.key < $1.key }.map { slot, path in
      StageCell.OutputDeclaration(
        name: Located(slot, at: stage.location), kind: nil,
        publish: Located(literal(path), at: stage.location), isOptional: false)
    }
    return Pipeline(
      name: stage.value, title: stage.value, params: [:], profiles: [], profile: nil, seed: seed,
      salt: nil, cells: [.stage(cell)])
  }
}
