import Foundation
import Planning
import RunRecord

// What a failure means, and what its reader may do about it.
extension Scheduler {
  func retryApplies(
    _ rule: RetryRule, _ attempt: Attempt, _ failure: StageFailure
  ) -> Bool {
    let status = attempt.exit?.status ?? 0
    if rule.on.isEmpty {
      return attempt.isRetryable || status == 75 || ["P0302", "P0303"].contains(failure.code)
    }
    return rule.on.contains { condition in
      switch condition {
      case "signal": failure.code == "P0302"
      case "timeout": failure.code == "P0303"
      case "memory": failure.code == "P0304"
      default: condition == "exit:\(status)" || (condition == "retryable" && attempt.isRetryable)
      }
    }
  }

  /// Says why a failure was not tried again although the cell has `retry`.
  func explained(
    _ failure: StageFailure, _ rule: RetryRule, _ attempt: Attempt
  ) -> StageFailure {
    guard rule.max > 0, attempt.number <= rule.max, failure.code == "P0301",
      let status = attempt.exit?.status
    else { return failure }
    var failure = failure
    failure.message +=
      rule.on.isEmpty
      ? "; it was not tried again: 'retry' alone is for signals, timeouts and exit code 75, "
        + "this would take 'retry: {max: \(rule.max), on: [exit:\(status)]}'"
      : "; it was not tried again, since 'on' of its 'retry' does not name exit:\(status)"
    return failure
  }

  /// Adds what the runner knows to a failure: a file that the stage did not find where it looked.
  func hinted(_ failure: StageFailure, _ attempt: Attempt) -> StageFailure {
    guard failure.code == "P0301" else { return failure }
    let instance = graph.instances[attempt.instance]
    if let missing = instance.secrets.first(where: { options.environment[$0] == nil }) {
      var failure = failure
      failure.message += "; its secret '\(missing)' is not set in the environment of the run"
      return failure
    }
    let words = failure.excerpt.joined(separator: " ")
      .split { " '\"`:,;()[]=".contains($0) }.map(String.init)
    for word in words where word.contains("/") || word.contains(".") {
      let folders = [attempt.folder + "/", layout.project + "/", "./"]
      let relative =
        folders.first(where: word.hasPrefix).map { String(word.dropFirst($0.count)) } ?? word
      guard !relative.hasPrefix("/"), !relative.hasPrefix("."), !relative.hasPrefix("in/"),
        !relative.hasPrefix("out/")
      else { continue }
      if isOwnCode(relative, instance) { continue }
      var failure = failure
      if let name = inputName(of: relative, instance) {
        failure.message +=
          "; '\(relative)' is not in the stage's folder under this name: write '\(name)' for it"
        return failure
      }
      guard usesSandbox(instance), access(layout.absolute(relative), F_OK) == 0 else { continue }
      failure.code = "P0307"
      failure.message +=
        "; it seems to read '\(relative)', which is not among its inputs: declare it, since the "
        + "sandbox shows a stage only what its cell declares"
      return failure
    }
    return failure
  }

  /// Whether a path is of the plugin itself, as the places in a Python traceback are.
  private func isOwnCode(_ path: String, _ instance: Instance) -> Bool {
    guard case .plugin(let plugin) = instance.work, case .folder(let folder) = plugin.home else {
      return false
    }
    return layout.absolute(path).hasPrefix(folder + "/")
  }

  /// How a command names a file that the cell declares as an input by this path.
  private func inputName(of path: String, _ instance: Instance) -> String? {
    for input in instance.inputs {
      guard case .path(let source) = input.source else { continue }
      let names = [source, (source as NSString).lastPathComponent]
      if names.contains(path) { return "${inputs.\(input.name)}" }
      if let name = names.first(where: { path.hasPrefix($0 + "/") }) {
        return "${inputs.\(input.name)}" + path.dropFirst(name.count)
      }
    }
    return nil
  }
}
