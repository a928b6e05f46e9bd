import Foundation
import StructuredValue

/// Figures and tables with made-up but fixed numbers.
enum SampleFigures {
  /// A linear congruential generator with numbers from 0 to 1.
  ///
  /// Source: Press et al., Numerical Recipes, 3rd edition, section 7.1.
  struct Numbers {
    var state: UInt32
    mutating func next() -> Double {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Double(state >> 8) / Double(1 << 24)
    }
  }

  static func scatter(seed: Int, device: [String: Value]) -> String {
    var numbers = Numbers(state: UInt32(seed + 1))
    let name = device["device"]?.text ?? "device"
    let points = (0..<140).map { index -> Value in
      let latency = 4 + 26 * numbers.next()
      let error = (numbers.next() + numbers.next() - 1) * (2 + Double(seed))
      return [
        "measured": .double(latency), "predicted": .double(latency + error),
        "set": index % 4 == 0 ? "held out" : "training", "architecture": .string("arch \(index)"),
      ]
    }
    return spec(
      description: "Predicted against measured latency on \(name).", points,
      #""mark":{"type":"circle","opacity":0.75},"encoding":{"#
        + #""x":{"field":"measured","type":"quantitative","title":"measured latency (ms)","scale":{"zero":false}},"#
        + #""y":{"field":"predicted","type":"quantitative","title":"predicted latency (ms)","scale":{"zero":false}},"#
        + #""color":{"field":"set","type":"nominal","title":null},"#
        + #""tooltip":[{"field":"architecture"},{"field":"measured","format":".2f"},{"field":"predicted","format":".2f"}]}"#
    )
  }

  static func heatmap() -> String {
    let names = ["pixel3", "raspi4", "fpga", "eyeriss", "titanx", "edge-tpu"]
    var cells: [Value] = []
    var numbers = Numbers(state: 11)
    for (row, one) in names.enumerated() {
      for (column, other) in names.enumerated() {
        let value = row == column ? 1 : 0.78 + 0.2 * numbers.next()
        cells.append(["a": .string(one), "b": .string(other), "rho": .double(value)])
      }
    }
    return spec(
      description: "Rank correlation of latency between each pair of devices.", cells,
      #""width":360,"height":300,"encoding":{"#
        + #""x":{"field":"a","type":"nominal","title":null,"axis":{"labelAngle":0}},"y":{"field":"b","type":"nominal","title":null}},"#
        + #""layer":[{"mark":"rect","encoding":{"color":{"field":"rho","type":"quantitative","title":"ρ"},"#
        + #""tooltip":[{"field":"a"},{"field":"b"},{"field":"rho","format":".3f"}]}},"#
        + #"{"mark":{"type":"text","fontSize":11},"encoding":{"text":{"field":"rho","format":".2f"},"#
        + #""color":{"condition":{"test":"datum.rho < 0.92","value":"white"},"value":"black"}}}]"#)
  }

  static func loss() -> String {
    var points: [Value] = []
    for (offset, name) in ["training", "validation"].enumerated() {
      for epoch in 1...60 {
        let loss = 1.4 * exp(-Double(epoch) / 14) + 0.12 + 0.08 * Double(offset)
        points.append(["epoch": .int(epoch), "loss": .double(loss), "set": .string(name)])
      }
    }
    return spec(
      description: "Loss of the surrogate while it trains.", points,
      #""mark":"line","encoding":{"x":{"field":"epoch","type":"quantitative"},"#
        + #""y":{"field":"loss","type":"quantitative"},"color":{"field":"set","type":"nominal","title":null},"#
        + #""tooltip":[{"field":"epoch"},{"field":"loss","format":".3f"}]}"#)
  }

  static func ranking(seed: Int) -> String {
    var numbers = Numbers(state: UInt32(seed + 40))
    var csv = "architecture,rank,latency,accuracy,remark\n"
    for index in 1...40 {
      csv += "arch-\(index),\(index),\(4 + 26 * numbers.next()),\(0.6 + 0.3 * numbers.next()),"
      csv += index % 9 == 0 ? "\"wide, shallow\"\n" : "\n"
    }
    return csv
  }

  private static func spec(description: String, _ values: [Value], _ rest: String) -> String {
    #"{"$schema":"https://vega.github.io/schema/vega-lite/v6.json","description":"#
      + Value.string(description).json() + #","data":{"values":"# + Value.list(values).json()
      + "}," + rest + "}"
  }
}
