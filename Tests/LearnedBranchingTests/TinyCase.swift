import Foundation
import LearnedBranching
import StructuredValue
import Verification

/// A tiny network with explicit features, and the scores that an independent implementation of the
/// published network gives its twelve ambiguous ReLUs.
struct TinyCase {
  let graph: BranchingGraph
  let features: SubproblemFeatures
  let scores: [Double]

  init() throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/gnn_tiny.json")
    let value = try Value(json: Data(contentsOf: path))
    func numbers(_ key: String) -> [Double] { value[key]?.list?.compactMap(\.double) ?? [] }
    func floats(_ key: String) -> [Float] { numbers(key).map { Float($0) } }
    guard
      let shape = Convolution(
        inChannels: 1, inHeight: 4, inWidth: 4, outChannels: 2, kernel: (3, 3), stride: (1, 1),
        padding: (1, 1))
    else { throw CocoaError(.fileReadCorruptFile) }
    graph = BranchingGraph([
      AffineLayer(shape, weights: numbers("conv_w"), biases: numbers("conv_b")),
      AffineLayer(weights: numbers("fc_w"), biases: numbers("fc_b"), inputs: 32),
      AffineLayer(weights: numbers("prop_w"), biases: numbers("prop_b"), inputs: 3),
    ])
    // Duals come as (z >= 0, z >= zhat, z <= upper line), the last with the opposite sign in view.
    func layer(_ number: Int) -> SubproblemFeatures.Layer {
      let duals = floats("duals\(number)")
      return SubproblemFeatures.Layer(
        lower: floats("pre\(number)_lb"), upper: floats("pre\(number)_ub"),
        lowerDual: stride(from: 1, to: duals.count, by: 3).map { duals[$0] },
        upperDual: stride(from: 2, to: duals.count, by: 3).map { duals[$0] },
        zhat: floats("pre\(number)"), z: floats("post\(number)"))
    }
    features = SubproblemFeatures(
      inputLower: floats("input_lb"), inputUpper: floats("input_ub"),
      input: floats("primal_input"), layers: [layer(1), layer(2)],
      outputLower: floats("out_lb")[0], outputUpper: floats("out_ub")[0],
      output: floats("out")[0])
    scores = numbers("scores_of_ambiguous_in_order")
  }
}
