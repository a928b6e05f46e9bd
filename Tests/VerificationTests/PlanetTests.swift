import StructuredValue
import Testing
import Verification

@Suite(.enabled(if: SequentialSearch.isAvailable, "Clp is not installed"))
struct PlanetTests {
  @Test func `dual ascent stays below the planet relaxation's optimum, split or not`() throws {
    for (index, tiny) in try TinyNetwork.all().enumerated() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: .fixed(.adaptive))
      let row = OutputRow(coefficients: [1])
      let planet = PlanetProgram(tiny.network)
      var parts = [bounder.root()]
      if let relu = bounder.root().ambiguous.dropFirst(index % 3).first {
        parts += bounder.boundedChildren(of: bounder.root(), relu, row: row, steps: 0)
      }
      for part in parts where part.lowerBound != .infinity {
        let exact = try #require(planet.bound(row, box: tiny.box, part, by: .dualSimplex))
        // The Lagrangian at the solver's duals is its optimum but for its tolerance.
        #expect(abs(exact.lowerBound - exact.optimum) < 1e-6 * max(1, abs(exact.optimum)))
        let ascended = bounder.lowerBound(of: part, row: row, steps: 200)
        #expect(ascended <= exact.optimum + 1e-6)
        let start = bounder.lowerBound(of: part, row: row)
        #expect(start <= exact.optimum + 1e-6)
      }
    }
  }

  @Test func `KW's bound is at most the relaxation's from the same bounds of layers`() throws {
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: .fixed(.parallel))
      let row = OutputRow(coefficients: [1])
      let exact = try #require(
        PlanetProgram(tiny.network).bound(row, box: tiny.box, bounder.root()))
      #expect(bounder.lowerBound(of: bounder.root(), row: row) <= exact.optimum + 1e-6)
      #expect(exact.lowerBound <= tiny.exactMinimum + 1e-6)
    }
  }

  @Test func `Lagrangian decomposition climbs from KW's bound towards the relaxation's optimum`()
    throws
  {
    var (gaps, closed) = (0.0, 0.0)
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: .fixed(.parallel))
      let row = OutputRow(coefficients: [1])
      let decomposition = LagrangianDecomposition(
        tiny.network, box: tiny.box, bounds: bounder.rootBounds, row: row)
      let start = decomposition.lowerBound(steps: 0)
      // The search keeps its lower slopes in float32.
      #expect(abs(start - bounder.lowerBound(of: bounder.root(), row: row)) < 1e-5)
      let optimum = try #require(
        PlanetProgram(tiny.network).bound(row, box: tiny.box, bounder.root())
      ).optimum
      let end = decomposition.lowerBound(steps: 200)
      #expect(end >= start && end <= optimum + 1e-6)
      gaps += optimum - start
      closed += end - start
    }
    // All that separates KW's bounds from the optima, added up over the networks.
    #expect(gaps > 1 && closed > 0.9 * gaps, "\(closed) of \(gaps)")
  }

  @Test func `the published search ends with the exact minimum's sign`() throws {
    for tiny in try TinyNetwork.all() {
      for distance in [-0.01, 0.01] {
        let row = OutputRow(coefficients: [1], offset: distance - tiny.exactMinimum)
        let result = SequentialSearch(tiny.network, box: tiny.box, row: row).run(branches: 2000)
        // It gives up on parts without ambiguous ReLUs; where it ends it must be right.
        if let holds = result.holds { #expect(holds == (distance > 0)) }
      }
    }
  }

  @Test func `a child's program from its parent's basis has the optimum of one from scratch`()
    throws
  {
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: .fixed(.parallel))
      let row = OutputRow(coefficients: [1])
      let planet = PlanetProgram(tiny.network)
      let root = try #require(planet.bound(row, box: tiny.box, bounder.root()))
      guard let relu = bounder.root().ambiguous.last else { continue }
      for child in bounder.boundedChildren(of: bounder.root(), relu, row: row, steps: 0)
      where child.lowerBound != .infinity {
        let cold = try #require(planet.bound(row, box: tiny.box, child))
        let warm = try #require(planet.bound(row, box: tiny.box, child, from: root.basis))
        #expect(
          warm.optimum == cold.optimum
            || abs(warm.optimum - cold.optimum) < 1e-6 * max(1, abs(cold.optimum)))
      }
    }
  }

  @Test func `the values at an optimum are in the relaxation, the duals have their sides' signs`()
    throws
  {
    var duals = 0.0
    for tiny in try TinyNetwork.all() {
      let bounder = Bounder(tiny.network, box: tiny.box, options: .fixed(.parallel))
      let row = OutputRow(coefficients: [1])
      let state = try #require(
        PlanetProgram(tiny.network).bound(row, box: tiny.box, bounder.root())
      ).state
      for (layer, bounds) in bounder.rootBounds.enumerated() {
        for neuron in bounds.lower.indices {
          let (zhat, z) = (state.zhat[layer][neuron], state.z[layer][neuron])
          #expect(z >= -1e-6 && z >= zhat - 1e-6)
          #expect(zhat >= bounds.lower[neuron] - 1e-6 && zhat <= bounds.upper[neuron] + 1e-6)
          let (lower, upper) = (
            state.lowerDual[layer][neuron], state.upperDual[layer][neuron]
          )
          #expect(lower >= 0 && upper <= 0)
          duals += lower - upper
          guard bounds.isAmbiguous(neuron) else {
            #expect(lower == 0 && upper == 0)
            continue
          }
          let slope = bounds.upper[neuron] / (bounds.upper[neuron] - bounds.lower[neuron])
          #expect(z <= slope * (zhat - bounds.lower[neuron]) + 1e-6)
        }
      }
    }
    // Where no ReLU matters a program's are 0; in all there are some.
    #expect(duals > 0)
  }
}
