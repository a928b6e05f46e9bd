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
}
