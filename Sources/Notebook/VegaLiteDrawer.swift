public import ContentHashing
import Foundation
import StructuredValue

/// Draws figures with vl-convert through one Python process for all that are not yet known.
public struct VegaLiteDrawer: FigureDrawing {
  let python: String
  let cache: Cache
  let secondsAtMost: Int
  let ground: Ground

  /// What figures are drawn for.
  public enum Ground: Sendable {
    /// The notebook's page, whose style gives the colours, light or dark.
    case page
    /// White: a document that knows nothing of our style.
    case paper
  }

  /// Where drawings are kept between pages, by a digest of all that determines them.
  public struct Cache {
    public var load: (Digest) -> [UInt8]?
    public var store: (Digest, [UInt8]) -> Void

    public init(
      load: @escaping (Digest) -> [UInt8]? = { _ in nil },
      store: @escaping (Digest, [UInt8]) -> Void = { _, _ in }
    ) {
      self.load = load
      self.store = store
    }
  }

  /// - Parameters:
  ///   - python: The interpreter of the environment that `requirements.txt` describes.
  ///   - cache: Known drawings; none by default.
  ///   - ground: What the figures are drawn for.
  ///   - secondsAtMost: When to give up on figures that don't come to an end.
  public init(
    python: String, cache: Cache = Cache(), ground: Ground = .page, secondsAtMost: Int = 300
  ) {
    self.python = python
    self.cache = cache
    self.ground = ground
    self.secondsAtMost = secondsAtMost
  }

  public func draw(_ specs: [String]) -> [DrawnFigure] {
    answers(to: specs.map(request)).map { answer in
      if let svg = answer["svg"]?.string { return .svg(svg) }
      if let text = answer["png"]?.string, let png = Data(base64Encoded: text) {
        return .png([UInt8](png))
      }
      return .failure(answer["error"]?.string ?? "vl-convert gave no drawing")
    }
  }

  public func interactiveBundle() -> String? {
    answers(to: [["bundle": "javascript"]])[0]["bundle"]?.string
  }

  /// Bytes of SVG from which on a figure becomes a PNG, as heat maps with many cells do.
  static let largestSVG = 400_000

  private func request(_ spec: String) -> Value {
    [
      "spec": .string(spec), "limit": .int(VegaLiteDrawer.largestSVG),
      "config": ground == .page ? FigureTheme.page : FigureTheme.paper,
      "paper": FigureTheme.paper,
    ]
  }

  /// One answer per request, from the cache or from Python; failures are not kept.
  private func answers(to requests: [Value]) -> [Value] {
    let version = installedVersion
    let digests = requests.map {
      Digest.canonical("vega-lite-drawing/v1", ["request": $0, "version": .string(version)])
    }
    var answers = digests.map { digest in
      cache.load(digest).flatMap { try? Value(json: $0) }
    }
    let missing = answers.indices.filter { answers[$0] == nil }
    for (index, answer) in zip(missing, run(missing.map { requests[$0] })) {
      answers[index] = answer
      if answer["error"] == nil { cache.store(digests[index], Array(answer.json().utf8)) }
    }
    return answers.map { $0 ?? .null }
  }

  /// `vl_convert_python-1.9.0.dist-info`, read from the environment's folder: asking Python would
  /// start it for figures that are all known.
  private var installedVersion: String {
    let library = URL(fileURLWithPath: python).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("lib").path
    let files = FileManager.default
    let versions = ((try? files.contentsOfDirectory(atPath: library)) ?? []).sorted()
    for folder in versions where folder.hasPrefix("python") {
      let packages = "\(library)/\(folder)/site-packages"
      let names = (try? files.contentsOfDirectory(atPath: packages)) ?? []
      if let name = names.sorted().first(where: {
        $0.hasPrefix("vl_convert") && $0.hasSuffix("info")
      }) {
        return name
      }
    }
    return "unknown"
  }

  private func run(_ requests: [Value]) -> [Value] {
    if requests.isEmpty { return [] }
    let output: [String]
    let reason: String
    do {
      (output, reason) = try PythonLines(python: python, secondsAtMost: secondsAtMost)
        .answers(to: requests.map { $0.json() })
    } catch {
      (output, reason) = ([], "\(error)")
    }
    return requests.indices.map { index in
      guard index < output.count, let answer = try? Value(json: output[index]) else {
        return ["error": .string(reason)]
      }
      return answer
    }
  }
}

/// Colours and fonts of figures, as Vega's `config`.
enum FigureTheme {
  static let text = String(decoding: PackageResources.figures_json, as: UTF8.self)

  /// With the page's CSS variables as colours, so that one SVG serves light and dark.
  static var page: Value { (try? Value(json: text)) ?? .null }

  /// With ink on white, for bitmaps.
  static var paper: Value {
    var text = text.replacing("\"transparent\"", with: "\"#ffffff\"")
    for (variable, colour) in [
      ("--muted", "#5a6270"), ("--ink", "#1d2430"), ("--axis", "#9aa3b0"), ("--grid", "#e4e7ec"),
    ] {
      text.replace("var(\(variable))", with: colour)
    }
    return (try? Value(json: text)) ?? .null
  }
}
