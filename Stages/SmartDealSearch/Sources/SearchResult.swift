import CompressionSearch
import Foundation

/// What a search found, measured on labelled pictures that it has not seen.
struct SearchResult {
  struct Point {
    /// "searched", or the form that all layers have.
    let kind: String
    /// θ or √λ of that form.
    let strength: Double?
    let network: SearchedNetwork
    let correct: Int
    let agree: Int
    var isOnFront = false

    /// What is to be small: bytes, energy, and wrong answers up to a constant.
    var goals: [Double] { [Double(network.bytes), network.energy, -Double(correct)] }
  }

  private(set) var points: [Point]
  let chosen: Point
  /// Whether the chosen network agrees as often as was asked for.
  let isReached: Bool
  let images: Int
  let correctBefore: Int
  let denseEnergy: Double
  private let search: CompressionSearch
  private let weights: Int
  private let wanted: Double

  /// Measures networks on labelled pictures.
  ///
  /// - Parameters:
  ///   - search: After its run.
  ///   - weights: How many the network has.
  ///   - agreement: What the chosen network needs on the search's pictures.
  ///   - tested: How many of the front are measured.
  ///   - own: The uncompressed network's classes.
  ///   - labels: The pictures'.
  ///   - classes: A network's classes.
  /// - Throws: What `classes` throws.
  init(
    _ search: CompressionSearch, weights: Int, agreement: Double, tested: Int, own: [Int],
    labels: [Int], classes: (SearchedNetwork) throws -> [Int]
  ) throws {
    func same(_ first: [Int], _ second: [Int]) -> Int {
      zip(first, second).reduce(0) { $0 + ($1.0 == $1.1 ? 1 : 0) }
    }
    func point(_ network: SearchedNetwork, _ form: CompressionForm?) throws -> Point {
      let found = try classes(network)
      return Point(
        kind: form?.name ?? "searched", strength: form?.strength, network: network,
        correct: same(found, labels), agree: same(found, own))
    }
    let front = search.front
    let reaching = front.filter { $0.distance.agreement >= agreement - 1e-9 }
    let choice =
      reaching.first
      ?? front.max { $0.distance.agreement < $1.distance.agreement } ?? search.uniform[0]
    isReached = !reaching.isEmpty
    var places = SearchResult.spread(front, over: tested)
    if let place = front.firstIndex(of: choice) { places.insert(place) }
    var points = try zip(search.uniform, search.options.forms).map { try point($0, $1) }
    points += try places.sorted().map { try point(front[$0], nil) }
    for place in ParetoFront.members(points.map(\.goals)) { points[place].isOnFront = true }
    chosen = try points.last { $0.network == choice } ?? point(choice, nil)
    self.points = points
    self.search = search
    self.weights = weights
    images = labels.count
    correctBefore = same(own, labels)
    denseEnergy = search.denseEnergy
    wanted = agreement
  }

  /// Places of a front, at most so many: of each of as many ranges of equal ratios of bytes the network
  /// that is nearest to the uncompressed one.
  private static func spread(_ front: [SearchedNetwork], over ranges: Int) -> Set<Int> {
    guard let first = front.first, let last = front.last else { return [] }
    let span = log(Double(last.bytes) / Double(first.bytes))
    var best: [Int: Int] = [:]
    for (place, network) in front.enumerated() {
      let share = span > 0 ? log(Double(network.bytes) / Double(first.bytes)) / span : 0
      let range = min(Int(share * Double(ranges)), ranges - 1)
      if let other = best[range],
        front[other].distance.divergence <= network.distance.divergence
      {
        continue
      }
      best[range] = place
    }
    return Set(best.values)
  }

  func ratio(_ bytes: Int) -> Double { 4 * Double(weights) / Double(bytes) }

  var numbers: [(String, Double?)] {
    let network = chosen.network
    func largest(_ isTaken: (CompressionForm) -> Bool) -> Double? {
      zip(search.uniform, search.options.forms)
        .filter { isTaken($1) && $0.distance.agreement >= wanted - 1e-9 }
        .map { ratio($0.0.bytes) }.max()
    }
    let uniform = largest { _ in true }
    return [
      ("fileCR", ratio(network.bytes)), ("energyRatio", denseEnergy / network.energy),
      ("agreement", network.distance.agreement), ("divergence", network.distance.divergence),
      ("uniformCR", uniform), ("gain", uniform.map { ratio(network.bytes) / $0 }),
      ("paperCR", largest { $0.name == "paper" }),
    ]
  }

  var counts: [(String, Int)] {
    let paper = points.filter { $0.kind == "paper" }
    let searched = points.filter { $0.kind == "searched" }
    let beaten = paper.count { paper in
      searched.contains { ParetoFront.beats($0.goals, paper.goals) }
    }
    return [
      ("fileBytes", chosen.network.bytes), ("images", images), ("correctBefore", correctBefore),
      ("correct", chosen.correct), ("agree", chosen.agree), ("measured", search.measured.count),
      ("front", points.count { $0.isOnFront }), ("paperNetworks", paper.count),
      ("paperBeaten", beaten),
    ]
  }

  // MARK: - Tables

  var networks: String {
    var text =
      "kind,strength,bytes,fileCR,energy µJ,energyRatio,divergence,agreement,images,correct,agree,"
      + "front\n"
    for point in points {
      let network = point.network
      let cells = [
        point.kind, point.strength.map { "\($0)" } ?? "", "\(network.bytes)",
        rounded(ratio(network.bytes)), rounded(network.energy / 1e6),
        rounded(denseEnergy / network.energy), rounded(network.distance.divergence),
        rounded(network.distance.agreement), "\(images)", "\(point.correct)", "\(point.agree)",
        point.isOnFront ? "yes" : "",
      ]
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  var layers: String {
    var text = "layer,form,strength,bytes,energy µJ,harm alone\n"
    for (place, layer) in search.layers.enumerated() {
      let choice = chosen.network.forms[place]
      let form = search.options.forms[choice]
      let candidate = layer.candidates[choice]
      let cells = [
        "\"\(layer.name.replacing("\"", with: "\"\""))\"", form.name, "\(form.strength)",
        "\(candidate.bytes)", rounded(candidate.energy / 1e6), rounded(search.harms[place][choice]),
      ]
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private func rounded(_ number: Double) -> String { "\((number * 1e6).rounded() / 1e6)" }
}
