import Foundation
import Notebook
import StructuredValue

/// The HTML around the parts of a live notebook.
enum PageShell {
  static func html(_ notebook: LiveNotebook?, isReadOnly: Bool) -> String {
    let parts = notebook?.parts ?? []
    let title = escape(notebook?.title ?? "Notebook")
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(title)</title>
      <link rel="icon" href="data:,">
      <link rel="stylesheet" href="/page.css">
      <link rel="stylesheet" href="/live.css">
      </head>
      <body class="live\(isReadOnly ? " read-only" : "")">
      <a class="skip" href="#content">Skip to the text</a>
      <div id="bar" class="bar" role="region" aria-label="Run">
      <div class="bar-inner">
      <span id="bar-state" class="bar-state"><span class="mark" aria-hidden="true">·</span> <span class="word">connecting</span></span>
      <progress id="bar-progress" max="1" value="0" aria-label="Stages done"></progress>
      <span id="bar-counts" class="bar-counts"></span>
      <span id="bar-usage" class="bar-usage"></span>
      <span class="bar-buttons" role="group" aria-label="Actions">
      \(isReadOnly ? "" : buttons)
      <button type="button" id="theme-place" hidden></button>
      </span>
      </div>
      <div id="banner" class="banner" role="alert" hidden></div>
      </div>
      <p id="announcer" class="unseen" role="status" aria-live="polite"></p>
      <main id="content" class="notebook">
      \(parts.map(part).joined(separator: "\n"))
      </main>
      <dialog id="form" aria-labelledby="form-title"></dialog>
      <script src="/page.js"></script>
      <script src="/live.js"></script>
      </body>
      </html>

      """
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

  static func escape(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
  }
}
