import Foundation
import RunRecord
import StructuredValue

/// Every metric of a run as a TeX macro, so that a paper cannot quote a number that was not
/// measured.
///
/// `\metric{srcc.lowest}` gives the number, `\metric[.2]{srcc.lowest}` the same with two decimals,
/// by the formats that `{{ srcc.lowest | .2 }}` takes in prose; `\metric[.1\%]{…}` is a share in per
/// cent. A name that the run did not measure stops TeX with the name and the run.
public struct TeXMetrics {
  private let run: ExportedRun

  /// The formats that the macros know.
  static let formats = [".0", ".1", ".2", ".3", ".4", ".2e", ",", ".0%", ".1%", ".2%"]

  public init(_ run: ExportedRun) { self.run = run }

  public var text: String {
    let record = run.record
    let claims = run.claims
    var lines = [
      "% Written by `pipeline export --tex` from run \(record.id); do not edit, export again.",
      "\\makeatletter",
      "\\providecommand{\\pipelinerun}{}\\renewcommand{\\pipelinerun}{\(record.id)}",
      "\\providecommand{\\pipelinecommit}{}\\renewcommand{\\pipelinecommit}"
        + "{\(record.source?.commit.map { String($0.prefix(12)) } ?? "none")}",
      "\\providecommand{\\claimsheld}{}\\renewcommand{\\claimsheld}"
        + "{\(claims.count { $0.verdict == .holds })}",
      "\\providecommand{\\claimsmade}{}\\renewcommand{\\claimsmade}{\(claims.count)}",
      "\\providecommand{\\metric}{}",
      "\\DeclareRobustCommand{\\metric}[2][]{%",
      "  \\@ifundefined{pipeline@\\detokenize{#1}@\\detokenize{#2}}%",
      "    {\\PackageError{pipeline}{run \(record.id) has no metric '\\detokenize{#2}'"
        + " in the format '\\detokenize{#1}'}%",
      "      {Run the pipeline, then `pipeline export --tex` again; `pipeline show` lists the"
        + " metrics.}\\textbf{??}}%",
      "    {\\@nameuse{pipeline@\\detokenize{#1}@\\detokenize{#2}}}}",
      "\\def\\pipeline@set#1#2#3{\\@namedef{pipeline@\\detokenize{#1}@\\detokenize{#2}}{#3}}",
    ]
    for (name, metric) in metrics { lines += definitions(name, metric) }
    return (lines + ["\\makeatother"]).joined(separator: "\n") + "\n"
  }

  /// All metrics by the names that claims use, each once, sorted.
  private var metrics: [(String, MetricRecord)] {
    run.record.instances.flatMap { instance in
      instance.metrics.map { ("\(instance.name).\($0.key)", $0.value) }
    }.filter { !$0.1.value.isNull && TeXMetrics.isNameable($0.0) }.sorted { $0.0 < $1.0 }
  }

  /// What TeX cannot have between braces without reading it as something else.
  private static func isNameable(_ name: String) -> Bool {
    !name.contains { "{}\\%#~^".contains($0) || $0.isNewline }
  }

  private func definitions(_ name: String, _ metric: MetricRecord) -> [String] {
    guard let number = metric.value.double else {
      return ["\\pipeline@set{}{\(name)}{\(TeX.escape(metric.value.text))}"]
    }
    return ([""] + TeXMetrics.formats).map { format in
      let text = run.formatting.number(number, format)
      return
        "\\pipeline@set{\(format.replacing("%", with: "\\%"))}{\(name)}{\(TeXMetrics.number(text))}"
    }
  }

  /// A formatted number in TeX's spelling: minus signs, powers, thin spaces.
  private static func number(_ text: String) -> String {
    var text = text.replacing("%", with: "\\%").replacing(" \\%", with: "\\,\\%")
    if text == "NaN" { return text }
    text = text.replacing("∞", with: "\\infty").replacing("−", with: "-")
    if let mark = text.firstIndex(of: "e"), let power = Int(text[text.index(after: mark)...]) {
      return "\\ensuremath{\(text[..<mark])\\times10^{\(power)}}"
    }
    text = text.replacing(",", with: "{,}").replacing("\\{,}", with: "\\,")
    return text.hasPrefix("-") || text.contains("\\infty") ? "\\ensuremath{\(text)}" : text
  }
}
