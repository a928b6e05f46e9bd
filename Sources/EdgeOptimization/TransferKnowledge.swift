/// What is known before a target is measured.
public struct TransferKnowledge: Sendable {
  public let space: SearchSpace
  public let designs: [[Int]]
  /// For each possible proxy its latencies, NaN where invalid or unknown.
  public let proxies: [[Double]]
  /// The accuracy of each design.
  public let accuracy: [Double]
  /// The designs whose latencies on the proxies may be used to fit.
  public let pool: [Int]
  /// The Gaussian process before any sample; nil where the method needs none.
  public let process: TransferGaussianProcess?

  /// - Parameters:
  ///   - space: The designs' search space.
  ///   - designs: All designs that may be measured or predicted.
  ///   - proxies: For each known device the latency of each design, NaN where invalid or unknown.
  ///   - accuracy: The accuracy of each design, NaN where unknown.
  ///   - pool: The designs, as positions, whose latencies on the proxies may be used to fit.
  ///   - method: How the target will be predicted.
  ///   - sampleCount: From how many samples.
  ///   - checkCount: How many designs drawn at random will be measured beside them.
  ///   - candidateCount: How many that promise much will be measured after them.
  ///   - seed: Draws the designs that stand for others where known devices play the target.
  /// - Throws: `EdgeError` as `TransferKernel.init`, or for an empty list of proxies.
  public init(
    space: SearchSpace, designs: [[Int]], proxies: [[Double]], accuracy: [Double], pool: [Int],
    method: AdaptedTransfer.Method, sampleCount: Int, checkCount: Int = 0,
    candidateCount: Int = 0, seed: UInt64
  ) throws(EdgeError) {
    guard !proxies.isEmpty else {
      throw EdgeError(.badParameter, "an empty list of proxies; at least one is needed")
    }
    precondition(accuracy.count == designs.count, "as many accuracies as designs")
    self.space = space
    self.designs = designs
    self.proxies = proxies
    self.accuracy = accuracy
    self.pool = pool
    if method == .gp {
      let kernel = try TransferKernel(space: space, designs: designs, sources: proxies, pool: pool)
      process = TransferGaussianProcess(
        kernel: kernel,
        trials: try SourceTrials(
          of: kernel, sampleCount: sampleCount,
          search: SourceTrials.Search(
            accuracy: accuracy, checkCount: checkCount, candidateCount: candidateCount),
          seed: seed))
    } else {
      process = nil
    }
  }

  /// Whether data flows through a design; disconnected cells say nothing of the others' latency.
  func isConnected(_ design: Int) -> Bool {
    space == .nasbench201 ? NASBench201.isConnected(designs[design]) : true
  }
}
