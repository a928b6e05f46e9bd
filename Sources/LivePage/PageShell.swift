import Foundation
import Notebook
import StructuredValue

/// The HTML around what the server shows: the head, the bar with its ways to other views, the form.
enum PageShell {
  /// What is shown besides the notebook.
  enum View: String {
    case runs, changes, lineage

    fileprivate var title: String {
      switch self {
      case .runs: "Runs"
      case .changes: "What changed"
      case .lineage: "Lineage"
      }
    }
  }

  static func html(_ notebook: LiveNotebook?, isReadOnly: Bool) -> String {
    let parts = notebook?.parts ?? []
    let main = """
      <main id="content" class="notebook">
      \(parts.map(part).joined(separator: "\n"))
      </main>
      """
    return html(
      title: notebook?.title ?? "Notebook", view: "notebook", main: main, isReadOnly: isReadOnly)
  }

  /// A view whose content the page asks for when it is there.
  static func html(of view: View, isReadOnly: Bool) -> String {
    html(
      title: view.title, view: view.rawValue,
      main: "<div id=\"view\"><main id=\"content\"></main></div>", isReadOnly: isReadOnly,
      styles: ["changes.css", "lineage.css"], scripts: ["changes.js", "views.js"])
  }

  private static func html(
    title: String, view: String, main: String, isReadOnly: Bool, styles: [String] = [],
    scripts: [String] = []
  ) -> String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <title>\(escape(title))</title>
    <link rel="icon" href="data:,">
    \((["page.css", "live.css"] + styles).map { "<link rel=\"stylesheet\" href=\"/\($0)\">" }
      .joined(separator: "\n"))
    </head>
    <body class="live\(isReadOnly ? " read-only" : "")" data-view="\(view)">
    <a class="skip" href="#content">Skip to the text</a>
    <div id="bar" class="bar" role="region" aria-label="Run">
    <div class="bar-inner">
    <nav class="bar-views" aria-label="Views">
    \(ways(to: view))
    </nav>
    <button type="button" id="bar-state" class="bar-state" title="Go to the next of these stages (n)"><span class="mark" aria-hidden="true">·</span> <span class="word">connecting</span></button>
    <progress id="bar-progress" max="1" value="0" aria-label="Stages done" hidden></progress>
    <span id="bar-counts" class="bar-counts"></span>
    <span id="bar-usage" class="bar-usage"></span>
    <span class="bar-buttons" role="group" aria-label="Actions">
    \(isReadOnly ? "" : buttons)
    </span>
    </div>
    <ul id="bar-runs" class="bar-runs" aria-label="Runs that go on" hidden></ul>
    <div id="banner" class="banner" role="alert" hidden></div>
    </div>
    <p id="announcer" class="unseen" role="status" aria-live="polite"></p>
    \(main)
    <dialog id="form" aria-labelledby="form-title"></dialog>
    \((["page.js", "live.js"] + scripts).map { "<script src=\"/\($0)\"></script>" }
      .joined(separator: "\n"))
    </body>
    </html>

    """
  }

  private static func ways(to view: String) -> String {
    // A comparison is one of what the list of runs leads to.
    let current = view == "changes" ? "runs" : view
    return [
      ("notebook", "/", "Notebook"), ("runs", "/runs", "Runs"), ("lineage", "/lineage", "Lineage"),
    ]
    .map { name, path, text in
      "<a href=\"\(path)\"\(name == current ? " aria-current=\"page\"" : "")>\(text)</a>"
    }.joined(separator: "\n")
  }

  private static let buttons = """
    <button type="button" id="run-all" class="primary">Run</button>
    <button type="button" id="cancel" hidden>Cancel</button>
    <button type="button" id="parameters">Parameters</button>
    """

  static func part(_ part: LiveNotebook.Part) -> String {
    "<div class=\"part\" data-key=\"\(escape(part.key))\" data-version=\"\(part.version)\">"
      + part.html + "</div>"
  }

  static func escape(_ text: String) -> String { HTML.escape(text) }
}
