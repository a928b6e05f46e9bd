import Foundation
import SpecSyntax
import StructuredValue

/// How a stage gets what dvc.yaml calls its dependencies.
struct ConvertedInput {
  var slot: String
  /// `train.model`, `"train[item=${matrix.item}].model"` or `./data/raw.csv`.
  var reference: String
  /// Where the command expects it, relative to dvc.yaml, and below the input where that is a folder.
  var path: String
  var below: String?
  /// Whether it is copied instead of linked, since the command may write beside it or import from it.
  var isCopied: Bool
}

extension DVCConverter {
  mutating func inputs(of stage: ConvertedStage) -> [ConvertedInput] {
    var slots: Set<String> = []
    var inputs: [ConvertedInput] = []
    for dep in stage.dvc.deps {
      let path = DVCConverter.join(stage.dvc.folder, dep.value)
      if path.contains("://") {
        note(
          "the dependency '\(dep.value)' of the stage '\(stage.dvc.name)' is not in the project",
          at: dep.location, help: "fetch it by a stage of its own: uses: fetch@1")
        continue
      }
      if path.hasPrefix("../") || path.hasPrefix("/") {
        note(
          "the dependency '\(dep.value)' of the stage '\(stage.dvc.name)' lies outside of the "
            + "folder of dvc.yaml", at: dep.location, help: "add it to 'inputs' by hand")
        continue
      }
      inputs += made(path, for: stage, dep.location, &slots) ?? read(path, stage, dep, &slots)
    }
    return inputs
  }

  /// Inputs from a file or folder of the project.
  private mutating func read(
    _ path: String, _ stage: ConvertedStage, _ dep: Located<String>, _ slots: inout Set<String>
  ) -> [ConvertedInput] {
    let (text, unknown) = template(stage, stage.combinations[0]).ours(path)
    report(unknown, dep.location)
    let sample = template(stage, stage.combinations[0]).filled(path)
    let isFolder = surroundings.isFolder(sample)
    if isFolder == nil {
      note(
        "'\(sample)' is not there, and no stage makes it", at: dep.location,
        help: "bring it with `dvc pull`, or fetch it by a stage: uses: fetch@1")
    }
    let slot = DVCConverter.slot(path, taken: &slots)
    return [
      ConvertedInput(
        slot: slot, reference: "./\(text)", path: path, below: nil,
        isCopied: isFolder == true || DVCConverter.isCode(path))
    ]
  }

  /// Inputs from stages, where one makes the path, a folder around it, or what lies below it.
  private mutating func made(
    _ path: String, for stage: ConvertedStage, _ location: SourceLocation,
    _ slots: inout Set<String>
  ) -> [ConvertedInput]? {
    var found: [ConvertedInput] = []
    for producer in stages where producer.id != stage.id {
      for out in producer.outs {
        if stage.combinations.count == 1, producer.combinations.count > 1 {
          let single = instances(path, stage, out.path, of: producer)
          for (selector, made, below) in single {
            let slot = DVCConverter.slot(made, taken: &slots)
            found.append(
              ConvertedInput(
                slot: slot, reference: "\(producer.id)\(selector).\(out.slot)", path: made,
                below: below, isCopied: false))
          }
          continue
        }
        guard let match = match(path, of: stage, out.path, of: producer) else { continue }
        guard let selector = match.selector else {
          note(
            "'\(path)' of the stage '\(stage.dvc.name)' comes from '\(producer.dvc.name)' in a way "
              + "that cannot be carried over", at: location, help: "add it to 'inputs' by hand")
          continue
        }
        // A folder around an output of just one instance: the output itself, where it lies.
        let place = match.isAround ? out.path : path
        found.append(
          ConvertedInput(
            slot: DVCConverter.slot(place, taken: &slots),
            reference: "\(producer.id)\(selector).\(out.slot)", path: place, below: match.below,
            isCopied: false))
      }
    }
    return found.isEmpty ? nil : found
  }

  /// Each instance of the producer that makes the path, a folder around it, or what lies below it,
  /// with the path of its output.
  private func instances(
    _ path: String, _ stage: ConvertedStage, _ out: String, of producer: ConvertedStage
  ) -> [(selector: String, path: String, below: String?)] {
    let wanted = DVCConverter.normal(template(stage, stage.combinations[0]).filled(path))
    return producer.combinations.compactMap { combination in
      let made = DVCConverter.normal(template(producer, combination).filled(out))
      let pins = combination.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value.text)" }
      let selector = "[\(pins.joined(separator: ","))]"
      if wanted == made || made.hasPrefix(wanted + "/") { return (selector, made, nil) }
      guard wanted.hasPrefix(made + "/") else { return nil }
      return (selector, wanted, String(wanted.dropFirst(made.count + 1)))
    }
  }

  /// Whether in every combination of the stage the path is an output of the producer, and by which
  /// selector.
  private func match(
    _ path: String, of stage: ConvertedStage, _ out: String, of producer: ConvertedStage
  ) -> (selector: String?, below: String?, isAround: Bool)? {
    var below: String?
    var isAround = false
    var chosen: [[String: Value]] = []
    for combination in stage.combinations {
      let wanted = DVCConverter.normal(template(stage, combination).filled(path))
      let makers = producer.combinations.filter { other in
        let made = DVCConverter.normal(template(producer, other).filled(out))
        if wanted == made { return true }
        if made.hasPrefix(wanted + "/") {
          isAround = true
          return true
        }
        guard wanted.hasPrefix(made + "/") else { return false }
        below = String(wanted.dropFirst(made.count + 1))
        return true
      }
      guard let maker = makers.first else {
        if chosen.isEmpty { return nil }
        return (nil, nil, false)
      }
      guard makers.count == 1 else { return (nil, nil, false) }
      chosen.append(maker)
    }
    if isAround, producer.combinations.count > 1 { return (nil, nil, true) }
    return (selector(chosen, stage), below, isAround)
  }

  /// `[item=${matrix.item}]` for the combinations that were chosen, one for each of the stage's.
  private func selector(_ chosen: [[String: Value]], _ stage: ConvertedStage) -> String? {
    let axes = chosen.first?.keys.sorted() ?? []
    if axes.isEmpty { return "" }
    var pins: [String] = []
    for axis in axes {
      let values = chosen.map { $0[axis] ?? .null }
      if let own = (stage.combinations.first?.keys.sorted() ?? []).first(where: { name in
        zip(stage.combinations, values).allSatisfy { $0[name] == $1 }
      }) {
        pins.append("\(axis)=${matrix.\(own)}")
      } else if Set(values).count == 1 {
        pins.append("\(axis)=\(values[0].text)")
      } else {
        return nil
      }
    }
    return "[\(pins.joined(separator: ","))]"
  }

  mutating func report(_ unknown: [String], _ location: SourceLocation) {
    for name in unknown {
      note("there is no parameter '\(name)' in params.yaml or 'vars'", at: location)
    }
  }
}
