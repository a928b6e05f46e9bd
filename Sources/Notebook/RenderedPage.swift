/// A finished page and where its bytes went.
public struct RenderedPage: Sendable {
  public var html: String
  /// The page's larger ingredients, largest first.
  public var parts: [Part]

  package init(html: String, parts: [Part]) {
    self.html = html
    self.parts = parts
  }

  public struct Part: Hashable, Sendable {
    /// Such as `interactive figures (Vega)` or `figure predictor.scatter`.
    public var name: String
    /// Bytes in the page.
    public var size: Int

    package init(name: String, size: Int) {
      self.name = name
      self.size = size
    }
  }

  /// Parts from 256 KiB on: what makes a page heavy.
  public var heavyParts: [Part] { parts.filter { $0.size >= 256 << 10 } }
}
