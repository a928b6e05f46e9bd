public import Verification

/// A robustness property made to be learnt from: it holds, and BaBSR needs about a wanted number of
/// branches to prove it.
///
/// The published properties have a radius found by bisection over BaBSR's own time (Lu and Kumar
/// 2020, section 5); branches stand for time here, since they are the same on every machine. A radius
/// found by the bound of the whole box alone would not do: nine of ten such properties end within a
/// dozen branches, most with a counterexample, and show nothing of what hard ones look like.
public struct SampleProperty: Sendable {
  public var radius: Double
  public var property: Property
  /// What BaBSR needed.
  public var branches: Int

  /// Halves the range of radii until BaBSR proves the property in a third to all of the branches.
  ///
  /// Nil where eight halvings find no such radius below 0.4.
  ///
  /// - Parameters:
  ///   - network: The network.
  ///   - image: In the order of the network's first layer.
  ///   - label: The image's class.
  ///   - other: The class that must not win.
  ///   - wanted: Branches, at least 6.
  ///   - options: How the property is searched.
  /// - Throws: `VerificationError` where the options are none.
  public init?(
    _ network: ReLUNetwork, image: [Double], label: Int, other: Int, wanted: Int,
    options: SearchOptions
  ) throws(VerificationError) {
    precondition(wanted >= 6, "at least six branches")
    let verifier = try Verifier(network, options)
    var (low, high) = (0.0, 0.4)
    for _ in 0..<8 {
      let middle = (low + high) / 2
      let property = Property(
        centre: image, radius: middle, label: label, other: other, outputs: network.outputCount)
      let outcome = try verifier.verify(property, rule: BaBSR(), report: { $0.branches < wanted })
      if case .unsat = outcome.verdict {
        if 3 * outcome.branches >= wanted {
          (radius, branches) = (middle, outcome.branches)
          self.property = property
          return
        }
        low = middle
      } else {
        high = middle
      }
    }
    return nil
  }
}
