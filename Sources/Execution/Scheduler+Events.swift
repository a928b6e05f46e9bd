public import ArtifactStore
import CSupervisor
import ContentHashing
import Foundation
public import Planning
import RunRecord
import StageManifest
import StructuredValue

// MARK: - Listening

extension Scheduler {
  /// Sleeps until something happens, and takes it in.
  func waitForNews(signals: Int32) throws {
    var sources = [
      pollfd(fd: supervisor.socket, events: Int16(POLLIN), revents: 0),
      pollfd(fd: wakeup.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: signals, events: Int16(POLLIN), revents: 0),
    ]
    for attempt in attempts.values {
      for pipe in attempt.pipes where pipe.isOpen {
        sources.append(pollfd(fd: pipe.reading, events: Int16(POLLIN), revents: 0))
      }
    }
    _ = poll(&sources, nfds_t(sources.count), timeoutMilliseconds())
    if sources[1].revents != 0 { wakeup.drain() }
    if sources[2].revents != 0 { takeSignal(signals_read(signals)) }
    let readable = Set(sources[3...].filter { $0.revents != 0 }.map(\.fd))
    for attempt in attempts.values { listen(to: attempt, readable: readable) }
    do {
      for event in try supervisor.events() { take(event) }
    } catch let error as ExecutionError {
      // The stages died with their supervisor.
      infrastructureFailure = error
      attempts = [:]
      return
    }
    for attempt in Array(attempts.values) {
      enforceTimes(attempt)
      if attempt.isOver { conclude(attempt) }
    }
  }

  /// How long to sleep at most: until the next deadline, or for ever.
  private func timeoutMilliseconds() -> Int32 {
    var moments = attempts.values.flatMap { [$0.deadline, $0.killAt].compactMap { $0 } }
    moments += retries.map(\.at)
    var wait: Duration? = moments.min().map { max(.zero, $0 - .now) }
    if attempts.values.contains(where: { $0.exit != nil }) {
      wait = min(wait ?? .seconds(1), .milliseconds(50))
    }
    // Another process's lock announces nothing.
    if !watching.isEmpty { wait = min(wait ?? .seconds(1), .milliseconds(100)) }
    guard let wait else { return -1 }
    let (seconds, attoseconds) = wait.components
    return Int32(clamping: seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1)
  }

  private func listen(to attempt: Attempt, readable: Set<Int32>) {
    let instance = graph.instances[attempt.instance]
    if let pipe = attempt.messages, pipe.isOpen, readable.contains(pipe.reading) {
      for line in pipe.lines() where !line.isEmpty {
        if let notice = attempt.take(message: line, isPlugin: instance.isPlugin) {
          pass(notice, of: attempt)
        }
      }
      if attempt.failure?.code == "P0306", attempt.ending == nil, attempt.exit == nil {
        end(attempt, .protocolViolation)
      }
    }
    for (pipe, source) in [(attempt.output, "out"), (attempt.errors, "err")] {
      guard let pipe, pipe.isOpen, readable.contains(pipe.reading) else { continue }
      for line in pipe.lines() {
        let text = attempt.log.append(line, source: source, seconds: attempt.seconds)
        observe(.line(instance: instance.name, text: text))
      }
    }
  }

  private func pass(_ notice: Attempt.Notice, of attempt: Attempt) {
    let name = graph.instances[attempt.instance].name
    switch notice {
    case .progress(let done, let total, let unit, let message):
      observe(
        .progress(instance: name, done: done, total: total, unit: unit, message: message))
    case .curve(let metric, let step, let value):
      observe(.metric(instance: name, name: metric, step: step, value: value))
    case .line(let text): observe(.line(instance: name, text: text))
    case .checkpoint(let path): keepCheckpoint(path, of: attempt)
    }
  }

  private func take(_ event: Supervisor.Event) {
    switch event {
    case .started: break
    case .notStarted(let id, let reason):
      guard let attempt = attempts[id] else { return }
      attempt.fail("P0301", "its program could not be started: \(reason)")
      attempt.exit = Supervisor.Exit(status: 127, cpuSeconds: 0, peakMemory: 0, overMemory: nil)
    case .exited(let id, let exit):
      attempts[id]?.exit = exit
      // What the process left in its pipes is read before it is judged, but a stray descendant
      // that holds them open is not waited for.
      attempts[id]?.killAt = .now + .seconds(1)
    }
  }

  private func enforceTimes(_ attempt: Attempt) {
    let now = ContinuousClock.now
    if attempt.exit != nil {
      if let limit = attempt.killAt, now >= limit { attempt.pipes.forEach { $0.closeReading() } }
      return
    }
    if let deadline = attempt.deadline, now >= deadline, attempt.ending == nil {
      end(attempt, .timeout)
    }
    if let killAt = attempt.killAt, now >= killAt {
      attempt.killAt = now + .seconds(1)
      supervisor.signal(SIGKILL, attempt: attempt.id)
    }
  }
}

// MARK: - Ending early

extension Scheduler {
  private func takeSignal(_ signal: Int32) {
    guard signal != 0 else { return }
    if interruption != nil {
      // The second one means now.
      for attempt in attempts.values { supervisor.signal(SIGKILL, attempt: attempt.id) }
      return
    }
    interruption = signal
    observe(
      .warning(
        instance: nil,
        message: "stopping: what is finished is kept, the next run continues from here"))
    cancelRunning()
  }

  func cancelRunning() {
    for attempt in attempts.values where attempt.exit == nil { end(attempt, .cancelled) }
  }

  private func end(_ attempt: Attempt, _ reason: Attempt.Ending) {
    guard attempt.ending == nil else { return }
    attempt.ending = reason
    attempt.killAt = .now + .seconds(options.grace)
    supervisor.signal(SIGTERM, attempt: attempt.id)
  }
}

// MARK: - After the end

extension Scheduler {
  /// Judges an attempt whose process has ended, and stores what it made.
  func conclude(_ attempt: Attempt) {
    attempts[attempt.id] = nil
    let instance = graph.instances[attempt.instance]
    attempt.log.flush()
    if let failure = attempt.verdict(
      isPlugin: instance.isPlugin, isSandboxed: usesSandbox(instance),
      memoryLimit: instance.resources.memory, timeout: instance.timeout)
    {
      fail(attempt, hinted(failure, attempt))
      return
    }
    preparing += 1
    let paths = outputPaths(of: instance, in: attempt.folder)
    let isKept = verifying[attempt.id] == nil
    DispatchQueue.global().async { [self] in
      let stored = Result { try storeResult(of: attempt, instance, paths, isKept: isKept) }
      wakeup.post { [self] in
        preparing -= 1
        complete(attempt, stored)
      }
    }
  }

  /// Stores outputs, log and action entry.
  ///
  /// Runs on another thread; `isKept` says whether the result may serve later runs.
  private func storeResult(
    of attempt: Attempt, _ instance: Instance, _ paths: [String: String], isKept: Bool
  ) throws -> ActionResult {
    var result = ActionResult(instance: instance.name, keyFields: .map(attempt.key.fields))
    for output in instance.outputs {
      let path = paths[output.name] ?? ""
      guard (try? FileManager.default.attributesOfItem(atPath: path)) != nil else {
        if !output.isRequired { continue }
        throw StageProblem(
          code: "P0305",
          message: "ended well but did not write its output '\(output.name)' "
            + "(expected at out/\((path as NSString).lastPathComponent))")
      }
      try refuseLink(path, output, in: attempt.folder)
      do {
        if output.kind == "metrics" {
          result.metrics.merge(try MetricsFile.read(path)) { _, new in new }
        }
        let content = try store.store(fileOrFolder: path, consuming: true)
        result.outputs[output.name] = ActionOutput(
          kind: output.kind, digest: content.digest, isTree: content.isTree, size: content.size)
        if content.isTree, Self.fileKinds.contains(output.kind) {
          throw StageProblem(
            code: "P0305",
            message: "its output '\(output.name)' is a folder, where \(output.kind) is one file")
        }
      } catch let problem as StageProblem {
        throw problem
      } catch {
        if (error as? StoreError)?.isInfrastructure == true { throw error }
        let gap = error is MetricsFile.Problem ? " " : ": "
        throw StageProblem(code: "P0305", message: "its output '\(output.name)'\(gap)\(error)")
      }
    }
    let expected = Set(paths.values.map { ($0 as NSString).lastPathComponent })
    let found =
      (try? FileManager.default.contentsOfDirectory(atPath: "\(attempt.folder)/out")) ?? []
    if let stray = found.filter({ !expected.contains($0) }).sorted().first {
      throw StageProblem(
        code: "P0308",
        message: "wrote 'out/\(stray)', which is not among its declared outputs; "
          + "declare it or write it to the scratch folder")
    }
    // What the stage said itself counts more than what stands in its files.
    result.metrics.merge(attempt.metrics) { _, said in said }
    result.metrics.merge(attempt.result?.metrics ?? [:]) { _, last in last }
    result.notes = attempt.notes
    if !attempt.log.isEmpty {
      result.log = try store.store(fileOrFolder: attempt.log.path, consuming: true).digest
    }
    result.seconds = attempt.seconds
    result.cpuSeconds = attempt.exit?.cpuSeconds ?? 0
    result.peakMemory = attempt.exit?.peakMemory ?? 0
    if isKept { try store.save(result, for: attempt.key.digest) }
    return result
  }

  /// Kinds whose readers expect one file.
  private static let fileKinds: Set = ["table/csv", "figure/vega-lite", "json", "text", "metrics"]

  /// An output that is a link to somewhere else would bring in what the stage did not make, and what
  /// the sandbox may have hidden from it.
  private func refuseLink(
    _ path: String, _ output: Instance.OutputSlot, in folder: String
  ) throws {
    let links = [path, "\(folder)/out"].compactMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: $0)
    }
    guard let target = links.first else { return }
    let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    let own = URL(fileURLWithPath: folder).resolvingSymlinksInPath().path
    guard !resolved.hasPrefix(own + "/") else { return }
    throw StageProblem(
      code: "P0308",
      message: "its output '\(output.name)' is a link to '\(target)', outside of its folder; "
        + "copy the file instead")
  }

  private func complete(_ attempt: Attempt, _ stored: Result<ActionResult, any Error>) {
    let index = attempt.instance
    do {
      let result = try stored.get()
      removeFolder(of: attempt)
      free(attempt)
      dropCheckpoint(of: attempt.key)
      var record = blank(index, .executed, why: attempt.why, key: attempt.key)
      record.attempts = attempt.number
      record.sandbox = usesSandbox(graph.instances[index]) ? "strict" : "off"
      fill(&record, of: index, from: result)
      var known = result.known
      if let earlier = verifying.removeValue(forKey: attempt.id) {
        compare(earlier, known, instance: record.name)
        known = earlier
      }
      publish(&record, of: index)
      finish(index, record, known)
    } catch let problem as StageProblem {
      fail(
        attempt,
        StageFailure(code: problem.code, message: problem.message, excerpt: attempt.log.tail))
    } catch {
      free(attempt)
      infrastructureFailure = .infrastructure("\(error)")
      cancelRunning()
    }
  }

  private func compare(_ old: KnownResult, _ new: KnownResult, instance: String) {
    for slot in Set(old.outputs.keys).union(new.outputs.keys).sorted() {
      func name(_ output: KnownOutput?) -> OutputVerification.ContentName {
        OutputVerification.ContentName(
          digest: output?.digest.hex ?? "missing", isTree: output?.isTree ?? false)
      }
      verifications.append(
        OutputVerification(
          instance: instance, slot: slot,
          kind: (old.outputs[slot] ?? new.outputs[slot])?.kind ?? "file",
          old: name(old.outputs[slot]), new: name(new.outputs[slot])))
    }
  }

  /// Gives back what an attempt held.
  private func free(_ attempt: Attempt) {
    let request = graph.instances[attempt.instance].resources
    cpusInUse -= min(request.cpus, options.jobs)
    memoryInUse -= request.memory ?? 0
    release(attempt.key)
    if let executor = executors[attempt.key.digest], executor == attempt.instance,
      !watching.contains(where: { isWatching($0, attempt.key.digest) })
    {
      executors[attempt.key.digest] = nil
    }
  }

  private func isWatching(_ index: Int, _ digest: Digest) -> Bool {
    if case .elsewhere(let key, _) = states[index] { return key.digest == digest }
    return false
  }

  private func fail(_ attempt: Attempt, _ failure: StageFailure) {
    let index = attempt.instance
    let instance = graph.instances[index]
    let known = verifying.removeValue(forKey: attempt.id)
    let isCancelled = attempt.ending == .cancelled
    if !isCancelled, attempt.number <= instance.retry.max,
      retryApplies(instance.retry, attempt, failure)
    {
      // Doubled up to an hour, since many retries would soon wait for years.
      let doubled = instance.retry.backoff * pow(2, Double(min(attempt.number - 1, 32)))
      let seconds = max(instance.retry.backoff, min(doubled, 3600))
      observe(.retrying(instance: instance.name, failure: failure, seconds: seconds))
      removeFolder(of: attempt)
      free(attempt)
      executors[attempt.key.digest] = index
      states[index] = .ready(attempt.key, why: attempt.why, known)
      retries.append((.now + .seconds(seconds), index, attempt.number + 1))
      return
    }
    free(attempt)
    var record = blank(
      index, isCancelled ? .cancelled : .failed, why: attempt.why, key: attempt.key)
    record.attempts = attempt.number
    record.seconds = attempt.seconds
    record.cpuSeconds = attempt.exit?.cpuSeconds ?? 0
    record.peakMemory = attempt.exit?.peakMemory ?? 0
    record.error = isCancelled ? failure : explained(failure, instance.retry, attempt)
    record.sandbox = usesSandbox(instance) ? "strict" : "off"
    if !attempt.log.isEmpty {
      record.log = try? store.store(fileOrFolder: attempt.log.path, consuming: false).digest
    }
    // When results are only compared, what comes after is compared on the earlier ones.
    finish(index, record, known)
  }

  private func removeFolder(of attempt: Attempt) {
    try? FileManager.default.removeItem(atPath: attempt.folder)
    try? FileManager.default.removeItem(atPath: attempt.log.path)
  }

  /// Takes over what an action gave.
  func fill(_ record: inout InstanceRecord, of index: Int, from result: ActionResult) {
    record.take(result, of: graph.instances[index])
  }
}

/// A failure that shows only when a stage's outputs are stored.
private struct StageProblem: Error {
  var code: String
  var message: String
}

extension ActionResult {
  /// The outputs as a plan knows them.
  public var known: KnownResult {
    KnownResult(
      outputs: outputs.mapValues { output in
        KnownOutput(
          kind: output.kind, digest: output.digest, isTree: output.isTree, size: output.size)
      })
  }
}
