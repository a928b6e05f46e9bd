import EdgeOptimization
public import StageKit
import Statistics
import StructuredValue

/// Compares how devices rank designs, pair by pair.
public struct SrccMatrix: Stage {
  public struct Parameters: Decodable, Sendable {
    var threshold: Double
    var proxy: String
    var title: String
    var published: [String: Double]
    var names: [String: String]
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let tables = try context.read("table") { try DeviceTables(csv: $0, allowsNonPositive: true) }
    let agreement = await RankAgreement(tables, workers: context.cpus)
    guard !agreement.pairs.isEmpty else {
      throw StageError(
        code: .badInput,
        message:
          "no two of the devices \(agreement.devices.joined(separator: ", ")) have a defined "
          + "rank correlation", slot: "table")
    }
    try context.write(HeatMap.figure(agreement, parameters).json(indented: true), to: "heatmap")
    try context.write(matrix(agreement), to: "matrix")
    try context.write(clusters(agreement, parameters.threshold, context), to: "clusters")
    try context.write(comparison(agreement, parameters.published, context), to: "published")
    try report(agreement, parameters, context)
  }

  private func matrix(_ agreement: RankAgreement) -> String {
    var text = "first,second,srcc,lower,upper,count\n"
    for first in agreement.devices.indices {
      for second in agreement.devices.indices where second > first {
        let value = agreement.matrix[first][second].value.map { "\($0)" } ?? ""
        let ends =
          agreement.interval(first, second).map { "\($0.lower),\($0.upper)" } ?? ","
        text += "\(agreement.devices[first]),\(agreement.devices[second]),\(value),\(ends),"
        text += "\(agreement.counts[first][second])\n"
      }
    }
    return text
  }

  private func clusters(
    _ agreement: RankAgreement, _ threshold: Double, _ context: StageContext
  ) -> String {
    let groups = agreement.clusters(above: threshold)
    var group = [Int](repeating: 0, count: agreement.devices.count)
    for (number, members) in groups.enumerated() { members.forEach { group[$0] = number + 1 } }
    var proxy = [Int](repeating: 0, count: agreement.devices.count)
    for (chosen, covers) in agreement.suggestedProxies(above: threshold) {
      covers.forEach { proxy[$0] = chosen }
    }
    context.metric("clusters", groups.count)
    return agreement.devices.indices.reduce(into: "device,cluster,proxy\n") { text, device in
      text += "\(agreement.devices[device]),\(group[device]),\(agreement.devices[proxy[device]])\n"
    }
  }

  private func comparison(
    _ agreement: RankAgreement, _ published: [String: Double], _ context: StageContext
  ) throws -> String {
    var text = "first,second,published,measured,difference\n"
    var largest: Double?
    for (pair, value) in published.sorted(by: { $0.key < $1.key }) {
      let names = pair.split(separator: "|").map(String.init)
      let positions = names.compactMap { agreement.devices.firstIndex(of: $0) }
      guard names.count == 2, positions.count == 2 else {
        throw StageError(
          code: .badParameter,
          message: "'published' names the pair '\(pair)'; a pair is 'first|second' of the devices "
            + agreement.devices.joined(separator: ", "))
      }
      let statistic = agreement.matrix[positions[0]][positions[1]]
      guard let measured = statistic.value else { continue }
      largest = max(largest ?? 0, abs(measured - value))
      text += "\(names[0]),\(names[1]),\(value),\(rounded(measured)),\(rounded(measured - value))\n"
    }
    context.metric("largest_difference", largest)
    return text
  }

  private func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }

  private func report(
    _ agreement: RankAgreement, _ parameters: Parameters, _ context: StageContext
  ) throws {
    let values = agreement.pairs.map(\.value)
    let share = { (values: [Double]) in
      Double(values.count { $0 >= parameters.threshold }) / Double(values.count)
    }
    context.metric("pairs", values.count)
    context.metric("lowest", values.min())
    context.metric("median", quantile(values, 0.5))
    context.metric("highest", values.max())
    context.metric("share_above_threshold", share(values))
    for first in agreement.devices.indices {
      for second in agreement.devices.indices where second > first {
        if let reason = agreement.matrix[first][second].reason {
          context.log(
            .warn,
            "\(agreement.devices[first]) and \(agreement.devices[second]): undefined, \(reason)")
        }
      }
    }
    guard !parameters.proxy.isEmpty else { return }
    guard let proxy = agreement.devices.firstIndex(of: parameters.proxy) else {
      throw StageError(
        code: .badParameter,
        message: "the proxy '\(parameters.proxy)' is none of the devices "
          + agreement.devices.joined(separator: ", "))
    }
    let row = agreement.devices.indices.filter { $0 != proxy }
      .compactMap { agreement.matrix[proxy][$0].value }
    guard !row.isEmpty else { return }
    context.metric("proxy_lowest", row.min())
    context.metric("proxy_share_above_threshold", share(row))
  }
}
