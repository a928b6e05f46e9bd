public import ContentHashing

/// Draws figures with vl-convert through one Python process for all that are not yet known.
public struct VegaLiteDrawer: FigureDrawing {
  let python: String
  let cache: Cache
  let secondsAtMost: Int

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
  ///   - secondsAtMost: When to give up on figures that don't come to an end.
  public init(python: String, cache: Cache = Cache(), secondsAtMost: Int = 300) {
    self.python = python
    self.cache = cache
    self.secondsAtMost = secondsAtMost
  }

  public func draw(_ specs: [String]) -> [DrawnFigure] { specs.map { _ in .failure("") } }

  public func interactiveBundle() -> String? { nil }
}
