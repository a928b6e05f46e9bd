public import SmartDeal

/// A way of decomposing a layer's weights, with its strength.
public enum CompressionForm: Hashable, Sendable {
  /// Each coefficient for itself to the nearest power of two, those below θ to zero (Chen et al.,
  /// "SmartDeal", 2021, arXiv 2101.01163).
  case paper(threshold: Double)
  /// A row's coefficients at once: least squares plus λ for each non-zero; the number is √λ.
  case joint(root: Double)
  /// The same with errors weighed by the second moments of the layer's inputs; as `joint` in a layer
  /// whose moments are not known.
  case calibrated(root: Double)

  public var name: String {
    switch self {
    case .paper: "paper"
    case .joint: "joint"
    case .calibrated: "calibrated"
    }
  }

  /// θ or √λ.
  public var strength: Double {
    switch self {
    case .paper(let threshold): threshold
    case .joint(let root), .calibrated(let root): root
    }
  }

  /// How a layer is decomposed in this form.
  public func options(kernels: BlockLayout.Kernels) -> DecompositionOptions {
    switch self {
    case .paper(let threshold): DecompositionOptions(threshold: threshold, kernels: kernels)
    case .joint(let root), .calibrated(let root):
      DecompositionOptions(rounding: .joint(lambda: root * root), kernels: kernels)
    }
  }
}
