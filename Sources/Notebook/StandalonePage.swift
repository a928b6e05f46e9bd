/// An HTML document that loads nothing: its styles and scripts are inside.
package struct StandalonePage {
  let title: String
  let toolVersion: String
  let styles: [String]
  let scripts: [String]

  init(title: String, toolVersion: String, styles: [String], scripts: [String]) {
    self.title = title
    self.toolVersion = toolVersion
    self.styles = styles
    self.scripts = scripts
  }

  /// A page in the notebook's looks, with what it needs beyond them.
  package init(title: String, toolVersion: String, extraStyle: String, extraScript: String) {
    self.init(
      title: title, toolVersion: toolVersion,
      styles: [String(decoding: PackageResources.page_css, as: UTF8.self), extraStyle],
      scripts: [String(decoding: PackageResources.page_js, as: UTF8.self), extraScript])
  }

  /// The document around a body.
  ///
  /// The policy lets only the scripts of this page run, and lets nothing be loaded, whatever a
  /// figure or a text contains.
  package func html(_ body: String) -> String {
    let hashes = scripts.map(PageAssets.policyHash).joined(separator: " ")
    let policy =
      "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; "
      + "script-src \(hashes); base-uri 'none'; form-action 'none'"
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="\(policy)">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <meta name="generator" content="pipeline \(HTML.escape(toolVersion))">
      <title>\(HTML.escape(title))</title>
      <style>
      \(styles.joined(separator: "\n"))
      </style>
      </head>
      <body>
      <a class="skip" href="#content">Skip to the text</a>

      """ + body + scripts.map { "<script>\($0)</script>\n" }.joined() + "</body>\n</html>\n"
  }
}
