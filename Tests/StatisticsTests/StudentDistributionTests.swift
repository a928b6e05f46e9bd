import Statistics
import Testing

struct StudentDistributionTests {
  /// Tabulated quantiles, and closed forms for one and two degrees of freedom.
  private static let values: [(t: Double, degrees: Double, above: Double)] = [
    (1, 1, 0.25), (12.706204736432095, 1, 0.025), (2.7764451051977987, 4, 0.025),
    (1.8124611228107335, 10, 0.05), (2, 2, 0.5 - 2 / (2 * 6.0.squareRoot())),
    (0, 7, 0.5), (1.959963984540054, 1e9, 0.025),
  ]

  @Test(arguments: values.indices)
  func `tails are the tabulated ones`(number: Int) {
    let (t, degrees, above) = Self.values[number]
    #expect(abs(StudentDistribution.probability(above: t, degrees: degrees) - above) < 1e-7)
  }

  @Test func `few degrees of freedom make a deviate less telling`() {
    // t = 12.7 with one degree is as improbable as 1.96 of a normal variable.
    #expect(
      abs(StudentDistribution.normalEquivalent(12.706204736432095, degrees: 1) - 1.959964) < 1e-5)
    #expect(
      abs(StudentDistribution.normalEquivalent(-12.706204736432095, degrees: 1) + 1.959964) < 1e-5)
    #expect(abs(StudentDistribution.normalEquivalent(0, degrees: 3)) < 1e-12)
  }
}
