import Formats

/// Compares two artifacts by their kind.
///
/// Equal bytes are recognised before anything is parsed. What can't be parsed as its kind says is
/// compared as bytes, with the reason: nothing is thrown. Where two artifacts differ only in ways
/// that their kind doesn't show, such as white space in JSON, and no tolerance was asked for, the
/// bytes are compared too.
///
/// - Parameters:
///   - kind: `metrics`, `table/csv`, `figure/vega-lite`, `tensor`, `model`, `text`, `json`, `folder`
///     or anything else, which is compared as bytes.
///   - old: Nil where the artifact is new.
///   - new: Nil where the artifact is gone.
///   - options: How rows are matched, what counts as noise, and how much is listed.
/// - Returns: What differs; `isEqual` where nothing does.
public func compare(
  kind: String, old: ArtifactContent?, new: ArtifactContent?,
  options: ComparisonOptions = ComparisonOptions()
) -> Comparison {
  do throws(FormatError) {
    switch (old, new) {
    case (nil, nil): return Comparison(kind: kind, difference: .none)
    case (nil, let new?):
      return Comparison(kind: kind, difference: .added(try ContentSize(new)))
    case (let old?, nil):
      return Comparison(kind: kind, difference: .removed(try ContentSize(old)))
    case (.folder(let old)?, .folder(let new)?):
      let difference = try FolderDifference(old: old, new: new, options: options)
      return Comparison(kind: kind, difference: difference.map { .folder($0) } ?? .none)
    case (.file(let old)?, .file(let new)?):
      return compare(
        kind: kind, old: try FileContent(path: old), new: try FileContent(path: new),
        options: options)
    case (let old?, let new?):
      let sizes = (try ContentSize(old), try ContentSize(new))
      return Comparison(
        kind: kind, difference: .bytes(ByteDifference(oldSize: sizes.0, newSize: sizes.1)))
    }
  } catch {
    let difference = ByteDifference(unreadable: error.description)
    return Comparison(
      kind: kind, difference: .bytes(difference), fallbackReason: error.description)
  }
}

func compare(
  kind: String, old: FileContent, new: FileContent, options: ComparisonOptions
) -> Comparison {
  guard let offset = ByteDifference.firstOffset(old, new) else {
    return Comparison(kind: kind, difference: .none)
  }
  // Digests are computed only where they are shown.
  func bytes() -> Comparison.Difference {
    .bytes(ByteDifference(old: old, new: new, firstOffset: offset))
  }
  guard isParsed(kind) else { return Comparison(kind: kind, difference: bytes()) }
  do throws(FormatError) {
    if let difference = try difference(kind: kind, old: old, new: new, options: options) {
      return Comparison(kind: kind, difference: difference)
    }
    if options.tolerance > 0 { return Comparison(kind: kind, difference: .none) }
    return Comparison(
      kind: kind, difference: bytes(),
      fallbackReason: "the content is equal as \(kind), only its bytes differ")
  } catch {
    return Comparison(
      kind: kind, difference: bytes(), fallbackReason: error.description)
  }
}

private func isParsed(_ kind: String) -> Bool {
  switch kind {
  case "metrics", "table/csv", "table", "figure/vega-lite", "json", "text", "model", "tensor",
    "tensors":
    true
  default: false
  }
}

private func difference(
  kind: String, old: FileContent, new: FileContent, options: ComparisonOptions
) throws(FormatError) -> Comparison.Difference? {
  switch kind {
  case "metrics":
    return MetricsDifference(
      old: try Metric.read(old), new: try Metric.read(new), options: options
    ).map { .metrics($0) }
  case "table/csv", "table":
    return TableDifference(
      old: try CSV.read(old), new: try CSV.read(new), options: options
    ).map { .table($0) }
  case "figure/vega-lite":
    return FigureDifference(
      old: try JSONText.read(old), new: try JSONText.read(new), options: options
    ).map { .figure($0) }
  case "json":
    return JSONDifference(
      old: try JSONText.read(old), new: try JSONText.read(new), options: options
    ).map { .json($0) }
  case "text": return try TextDifference(old: old, new: new, options: options).map { .text($0) }
  case "model" where old.starts(with: [0x7B]) && new.starts(with: [0x7B]):
    return JSONDifference(
      old: try JSONText.read(old), new: try JSONText.read(new), options: options
    ).map { .json($0) }
  case "model", "tensor", "tensors":
    return TensorsDifference(
      old: try TensorFile.read(old), new: try TensorFile.read(new), options: options
    ).map { .tensors($0) }
  default: return nil
  }
}
