/// Draws figures for a page.
public protocol FigureDrawing {
  /// Draws many Vega-Lite specifications at once.
  ///
  /// - Parameter specs: JSON texts.
  /// - Returns: One drawing per specification, in the same order.
  func draw(_ specs: [String]) -> [DrawnFigure]

  /// JavaScript that defines `vegaEmbed` without loading anything; nil where there is none.
  func interactiveBundle() -> String?
}

/// What became of a figure.
public enum DrawnFigure: Hashable, Sendable {
  /// An SVG document; it is not trusted, the page keeps only its shapes and texts.
  case svg(String)
  /// A PNG file at twice the figure's size, for figures with too many marks for an SVG.
  case png([UInt8])
  /// No drawing, and why: one sentence for the reader.
  case failure(String)
}
