import Formats
import LearnedBranching
import Testing
import Verification

struct BranchingNetworkTests {
  @Test func `the network has the published number of parameters`() {
    #expect(BranchingParameters.count == 117_825 && BranchingParameters.maps.count == 26)
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the published snapshot gives the published network's scores`() throws {
    let tiny = try TinyCase()
    let parameters = try BranchingParameters(snapshot: FileContent(path: Mirror.snapshot))
    let scores = BranchingNetwork(parameters).scores(tiny.features, on: tiny.graph)
    #expect(tiny.scores.count == 12 && scores.values.count == 12)
    for (value, expected) in zip(scores.values, tiny.scores) {
      // Both sides are float32 of sums of a few hundred products.
      #expect(abs(Double(value) - expected) < 1e-4)
    }
    #expect(scores.best == ReLUIndex(layer: 1, neuron: 1))
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isMissing)"))
  func `the forward half of the published snapshot is dead`() throws {
    let parameters = try BranchingParameters(snapshot: FileContent(path: Mirror.snapshot))
    let tiny = try TinyCase()
    let dead = parameters.norms.filter { $0.weights == 0 }.map(\.name)
    #expect(
      dead == [
        "inp_f", "inp_f_1", "inp_b", "inp_b_1", "inp_b2", "inp_b2_2", "fc1", "fc1_1", "fc3",
        "fc3_2", "fc4",
      ])
    let once = BranchingNetwork(parameters, rounds: 1).scores(tiny.features, on: tiny.graph)
    let twice = BranchingNetwork(parameters, rounds: 2).scores(tiny.features, on: tiny.graph)
    #expect(once.values == twice.values)
  }

  @Test func `gradients are those of differences`() throws {
    let tiny = try TinyCase()
    let network = BranchingNetwork(BranchingParameters(seed: 3))
    // A function with a slope for every score.
    let slopes = (0..<12).map { Float($0 % 5) - 1.5 }
    var gradient = [Float](repeating: 0, count: BranchingParameters.count)
    network.addGradient(to: &gradient, at: tiny.features, on: tiny.graph) { _ in slopes }
    func value(_ direction: [Float], _ step: Float) -> Double {
      var moved = network
      moved.parameters = moved.parameters.moved(by: direction, times: step)
      let scores = moved.scores(tiny.features, on: tiny.graph).values
      return zip(scores, slopes).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    // Along the gradient of one map at a time, the function rises by the gradient's square.
    for map in BranchingParameters.maps {
      let direction = BranchingParameters.only(map, of: gradient)
      let square = direction.reduce(0) { $0 + Double($1) * Double($1) }
      #expect(square > 0, "no gradient reaches \(map.name)")
      // Short steps drown in float32's rounding, long ones cross kinks; one in between must agree.
      let errors = [1e-4, 3e-4, 1e-3, 3e-3].map { length in
        let step = Float(length / square.squareRoot())
        let rise = (value(direction, step) - value(direction, -step)) / (2 * Double(step))
        return abs(rise / square - 1)
      }
      #expect((errors.min() ?? 1) < 0.02, "\(map.name): \(errors)")
    }
  }

  @Test func `a ReLU that is off plays no part, and without an ambiguous one there is no score`()
    throws
  {
    var tiny = try TinyCase().features
    let graph = try TinyCase().graph
    for layer in tiny.layers.indices {
      for neuron in tiny.layers[layer].lower.indices where tiny.layers[layer].upper[neuron] > 0 {
        tiny.layers[layer].lower[neuron] = 0.1
        tiny.layers[layer].upper[neuron] = 0.5
      }
    }
    let network = BranchingNetwork(BranchingParameters(seed: 1))
    #expect(network.scores(tiny, on: graph).best == nil)
    for layer in tiny.layers.indices {
      for neuron in tiny.layers[layer].lower.indices {
        tiny.layers[layer].lower[neuron] = -0.5
        tiny.layers[layer].upper[neuron] = -0.1
      }
    }
    #expect(network.scores(tiny, on: graph).best == nil)
  }
}
