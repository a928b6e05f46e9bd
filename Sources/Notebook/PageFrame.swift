import Foundation
import RunRecord
import StructuredValue

/// Puts styles and scripts around a body, each only where the body needs it.
struct PageFrame {
  let writer: PageWriter
  let bundle: String?

  func page(_ body: String) -> RenderedPage {
    var parts = writer.parts
    let assets = PageAssets(katex: writer.options.katex, highlight: writer.options.highlight)
    var styles = [String(decoding: PackageResources.page_css, as: UTF8.self)]
    var scripts: [String] = []
    func add(_ name: String, script: String?, style: String? = nil) {
      guard script != nil || style != nil else { return }
      if let script { scripts.append(PageFrame.tame(script)) }
      if let style { styles.append(style) }
      let size = (script?.utf8.count ?? 0) + (style?.utf8.count ?? 0)
      parts.append(RenderedPage.Part(name: name, size: size))
    }
    if !writer.formulas.isEmpty, let katex = assets.mathematics(for: writer.formulas) {
      add("formulas (KaTeX)", script: katex.script, style: katex.style)
    }
    add("code (highlight.js)", script: assets.highlighter(for: writer.languages))
    let isReacting = body.contains("<figure id=") && bundle != nil
    if isReacting {
      add("interactive figures (Vega)", script: bundle)
      scripts.append(
        "window.figureThemes={page:\(HTML.scriptData(FigureTheme.page.json())),"
          + "paper:\(HTML.scriptData(FigureTheme.paper.json()))};")
    }
    scripts.append(String(decoding: PackageResources.page_js, as: UTF8.self))
    let html =
      StandalonePage(
        title: writer.title, toolVersion: writer.record.tool.version, styles: styles,
        scripts: scripts
      ).html(body)
    parts.sort { ($1.size, $0.name) < ($0.size, $1.name) }
    return RenderedPage(html: html, parts: parts)
  }

  /// Scripts can't contain what ends or confuses a script element.
  private static func tame(_ script: String) -> String {
    script.replacing("</script", with: "<\\/script").replacing("<!--", with: "<\\!--")
  }
}
