import BayesianInference
import Formats
import Foundation
import StageKit
import Synchronization

/// The states of a fit's chains as one checkpoint of the stage.
final class FitCheckpoints: Sendable {
  private struct State {
    var chains: [String: Safetensors]
    /// When a chain's state was last taken, and when all were last handed over.
    var taken: [String: ContinuousClock.Instant] = [:]
    var number = 0
  }

  /// How long a chain may go on before its state is taken again; what is lost by an interruption.
  private static let pause = Duration.seconds(15)

  private let state: Mutex<State>
  private let context: StageContext
  private let start = ContinuousClock.now

  /// - Throws: `FormatError` where the checkpoint of an earlier attempt isn't one.
  init(_ context: StageContext) throws {
    self.context = context
    let chains = try context.resume.map {
      FitCheckpoints.split(try Safetensors(path: $0))
    }
    state = Mutex(State(chains: chains ?? [:]))
    if let chains, !chains.isEmpty {
      context.log(.info, "going on from the states of \(chains.count) chains")
    }
  }

  var checkpoints: Checkpoints {
    Checkpoints(
      load: { name in self.state.withLock { $0.chains[name] } },
      save: { name, make in self.save(name, make) })
  }

  private func save(_ name: String, _ make: () -> Safetensors) {
    let now = ContinuousClock.now
    let isDue = state.withLock { now - ($0.taken[name] ?? start) >= FitCheckpoints.pause }
    guard isDue else { return }
    let chain = make()
    state.withLock { state in
      state.chains[name] = chain
      state.taken[name] = now
      state.number += 1
      let path = "\(context.scratch)/chains-\(state.number).safetensors"
      do {
        try FitCheckpoints.joined(state.chains).write(to: path)
        context.checkpoint(path)
      } catch {
        context.log(.warn, "the checkpoint was not written: \(error)")
      }
      // The runner may be busy: it takes one while the next ones are written.
      let old = "\(context.scratch)/chains-\(state.number - 5).safetensors"
      try? FileManager.default.removeItem(atPath: old)
    }
  }

  /// One file of several: names get the chain's before a slash.
  static func joined(_ chains: [String: Safetensors]) -> Safetensors {
    var all = Safetensors([])
    for (chain, file) in chains.sorted(by: { $0.key < $1.key }) {
      all.tensors += file.tensors.map { NamedTensor(name: "\(chain)/\($0.name)", data: $0.data) }
      for (key, text) in file.metadata { all.metadata["\(chain)/\(key)"] = text }
    }
    return all
  }

  static func split(_ all: Safetensors) -> [String: Safetensors] {
    var chains: [String: Safetensors] = [:]
    let parts = { (name: String) -> (String, String)? in
      let words = name.split(separator: "/", maxSplits: 1).map(String.init)
      return words.count == 2 ? (words[0], words[1]) : nil
    }
    for tensor in all.tensors {
      guard let (chain, name) = parts(tensor.name) else { continue }
      chains[chain, default: Safetensors([])].tensors.append(
        NamedTensor(name: name, data: tensor.data))
    }
    for (key, text) in all.metadata {
      guard let (chain, name) = parts(key) else { continue }
      chains[chain, default: Safetensors([])].metadata[name] = text
    }
    return chains
  }
}
