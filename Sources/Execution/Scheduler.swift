public import ArtifactStore
import ContentHashing
import CSupervisor
import Foundation
public import Planning
public import RunRecord
import StageKit
import StageManifest
import StructuredValue

/// Executes a graph: starts what is ready under the budget, listens to what runs, stores what ends.
///
/// All of its state belongs to the thread that calls `run`; work that takes long (hashing, copying)
/// is done elsewhere and comes back through the wake-up queue. That is why it may be unchecked.
public final class Scheduler: @unchecked Sendable {
  let graph: Graph
  let store: ArtifactStore
  let options: RunOptions
  let decider: Decider
  let facts: StoreFacts
  let selected: Set<Int>
  let layout: RunLayout
  let supervisor: Supervisor
  let wakeup: Wakeup
  let observe: (RunEvent) -> Void
  /// Nil where no stage wants it or the machine can't.
  let sandbox: Sandbox?
  private let durations: () -> [String: Double]
  /// Seconds from the start of each instance to the end of the longest path that it begins, by past
  /// durations; a run of nothing but hits never asks.
  private lazy var priorities: [Double] = {
    let known = durations()
    var priorities = Array(repeating: 0.0, count: graph.instances.count)
    for index in graph.order.reversed() {
      let own = known[graph.instances[index].name] ?? 1
      priorities[index] = own + (graph.users[index].map { priorities[$0] }.max() ?? 0)
    }
    return priorities
  }()

  var states: [InstanceState]
  var attempts: [UInt64: Attempt] = [:]
  /// Who executes a key, so that two instances with one key are one action.
  var executors: [Digest: Int] = [:]
  var locks: [Digest: ActionLock] = [:]
  /// Instances that are ready, the most urgent last.
  var queue: [Int] = []
  /// Instances whose key is executed elsewhere.
  var watching: Set<Int> = []
  /// The earlier results that attempts are compared with.
  var verifying: [UInt64: KnownResult] = [:]
  var cpusInUse = 0
  var memoryInUse = 0
  var preparing = 0
  var nextAttempt: UInt64 = 1
  var retries: [(at: ContinuousClock.Instant, instance: Int, number: Int)] = []
  /// The signal that ends the run.
  var interruption: Int32?
  var hasFailed = false
  var infrastructureFailure: ExecutionError?
  public internal(set) var verifications: [OutputVerification] = []

  /// Where an instance stands.
  enum InstanceState {
    case waiting
    /// Decided and queued: it needs a slot.
    case ready(ActionKey, why: String, KnownResult?)
    /// Another instance of this run, or another process, executes the same key.
    case elsewhere(ActionKey, why: String)
    case running
    case done(InstanceRecord, KnownResult?)
  }

  /// - `facts`: What the decider knows.
  /// - `selected`: The instances that may be executed; others are used where they are known.
  /// - `durations`: Seconds that instances took in the past, by name.
  /// - `observe`: Called on the calling thread of `run`.
  public init(
    graph: Graph, decider: Decider, facts: StoreFacts, store: ArtifactStore, selected: Set<Int>,
    layout: RunLayout, launcher: StageLauncher, options: RunOptions,
    durations: @escaping () -> [String: Double], observe: @escaping (RunEvent) -> Void
  ) throws {
    self.graph = graph
    self.decider = decider
    self.facts = facts
    self.store = store
    self.selected = selected
    self.layout = layout
    self.options = options
    self.observe = observe
    supervisor = launcher.supervisor
    wakeup = try Wakeup()
    let wantsSandbox = graph.instances.contains { instance in
      options.isSandboxed ?? instance.isSandboxed
    }
    sandbox = wantsSandbox ? Sandbox(project: layout.project) : nil
    states = Array(repeating: .waiting, count: graph.instances.count)
    self.durations = durations
    if wantsSandbox && sandbox == nil {
      observe(
        .warning(
          instance: nil,
          message: "no sandbox: bubblewrap is missing or may not work here, so stages can read "
            + "undeclared files; install 'bubblewrap', or say 'sandbox: off'"))
    }
  }

  /// Executes everything selected.
  ///
  /// - Returns: A record for each instance, in the order of the graph's instances.
  /// - Throws: `ExecutionError` when the run cannot go on; what was stored stays stored.
  public func run() throws -> [InstanceRecord] {
    let signals = signals_open()
    defer { if signals >= 0 { close(signals) } }
    for index in graph.order { settle(index) }
    while !attempts.isEmpty || preparing > 0 || hasQueued {
      startWhatFits()
      if attempts.isEmpty && preparing == 0 && !hasQueued { break }
      try waitForNews(signals: signals)
    }
    if let infrastructureFailure { throw infrastructureFailure }
    return graph.instances.indices.map { index in
      if case .done(let record, _) = states[index] { return record }
      return blank(index, .cancelled, why: "the run ended before it")
    }
  }

  /// The signal that ended the run early, if one did.
  public var wasInterruptedBy: Int32? { interruption }
}

// MARK: - Deciding

extension Scheduler {
  private var isStopping: Bool {
    interruption != nil || infrastructureFailure != nil || (hasFailed && !options.keepsGoing)
  }

  private var hasQueued: Bool {
    if !retries.isEmpty && !isStopping { return true }
    return !isStopping && !(queue.isEmpty && watching.isEmpty)
  }

  /// Decides about an instance whose needs may have been met.
  func settle(_ index: Int) {
    guard case .waiting = states[index] else { return }
    let decision = decider.decide(index, standing: standing)
    switch decision {
    case .wait: return
    case .skip(let why): finish(index, blank(index, .skipped, why: why), nil)
    case .block(let why):
      // What the selection leaves out cannot be blocked.
      let outcome: InstanceRecord.Outcome = selected.contains(index) ? .blocked : .skipped
      finish(index, blank(index, outcome, why: why), nil)
    case .reuse(let key, let result):
      if options.isVerifying && selected.contains(index) {
        enqueue(index, key, why: "to compare with its earlier result", known: result)
      } else {
        reuse(index, key, result, why: "nothing it depends on changed")
      }
    case .execute(let key, let why):
      if selected.contains(index) {
        enqueue(index, key, why: why, known: nil)
      } else {
        finish(
          index, blank(index, .skipped, why: InstanceRecord.leftOut(why), key: key), nil)
      }
    }
  }

  private func enqueue(_ index: Int, _ key: ActionKey, why: String, known: KnownResult?) {
    if executors[key.digest] != nil {
      states[index] = .elsewhere(key, why: why)
      watching.insert(index)
    } else {
      executors[key.digest] = index
      states[index] = .ready(key, why: why, known)
      queue.insert(index, at: place(of: index))
    }
  }

  /// Where an instance belongs in the queue: sorted by the length of the path that it starts, and
  /// by the order of the file where paths are equally long.
  private func place(of index: Int) -> Int {
    var low = 0
    var high = queue.count
    while low < high {
      let middle = (low + high) / 2
      let other = queue[middle]
      if (priorities[other], index) < (priorities[index], other) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    return low
  }

  func standing(_ index: Int) -> Decider.Standing {
    guard case .done(let record, let result) = states[index] else { return .pending }
    if let result { return .known(result) }
    switch record.outcome {
    case .failed: return .absent(reason: "failed")
    case .skipped: return .absent(reason: "was left out")
    case .cancelled: return .absent(reason: "was cancelled")
    default: return .absent(reason: "could not run")
    }
  }

  /// Uses an earlier result.
  private func reuse(_ index: Int, _ key: ActionKey, _ result: KnownResult, why: String) {
    guard let action = facts.action(for: key.digest) else {
      enqueue(index, key, why: "its earlier result has just vanished from the store", known: nil)
      return
    }
    var record = blank(index, .cached, why: why, key: key)
    fill(&record, of: index, from: action)
    publish(&record, of: index)
    finish(index, record, result)
  }

  /// An instance's record before anything is known of its result.
  func blank(
    _ index: Int, _ outcome: InstanceRecord.Outcome, why: String, key: ActionKey? = nil
  ) -> InstanceRecord {
    InstanceRecord(of: graph.instances[index], outcome, why: why, key: key)
  }

  /// Takes an instance off the list and looks at those that waited for it.
  func finish(_ index: Int, _ record: InstanceRecord, _ result: KnownResult?) {
    states[index] = .done(record, result)
    observe(.finished(record))
    if record.outcome == .failed {
      hasFailed = true
      if options.failsFast { cancelRunning() }
    }
    for user in graph.users[index] { settle(user) }
  }
}

// MARK: - Starting

extension Scheduler {
  /// Starts queued instances, the longest remaining path first, as long as the budget allows.
  private func startWhatFits() {
    guard !isStopping else { return }
    for index in watching {
      if case .elsewhere(let key, let why) = states[index] { recheck(index, key, why) }
    }
    let now = ContinuousClock.now
    let due = retries.filter { $0.at <= now }
    retries.removeAll { $0.at <= now }
    for retry in due {
      if case .ready(let key, let why, let known) = states[retry.instance] {
        start(retry.instance, key, why: why, known: known, number: retry.number)
      }
    }
    var position = queue.count - 1
    // A big instance at the front must not starve, nor keep small ones from filling the gap; the
    // look-ahead is bounded so that a long queue costs nothing.
    var passedOver = 0
    while position >= 0, passedOver < 64, cpusInUse < options.jobs || attempts.isEmpty {
      let index = queue[position]
      if fits(graph.instances[index].resources) {
        queue.remove(at: position)
        if case .ready(let key, let why, let known) = states[index] {
          start(index, key, why: why, known: known, number: 1)
        }
      } else {
        passedOver += 1
      }
      position -= 1
    }
  }

  private func fits(_ request: ResourceRequest) -> Bool {
    if attempts.isEmpty && preparing == 0 { return true }
    return cpusInUse + min(request.cpus, options.jobs) <= options.jobs
      && memoryInUse + (request.memory ?? 0) <= options.memory
  }

  /// Looks again at a key that somebody else executes.
  private func recheck(_ index: Int, _ key: ActionKey, _ why: String) {
    if let executor = executors[key.digest] {
      guard case .done(let record, let result) = states[executor] else { return }
      executors[key.digest] = nil
      if record.outcome == .failed || result == nil {
        watching.remove(index)
        finish(
          index, blank(index, .blocked, why: "\(record.name), the same action, failed", key: key),
          nil)
        return
      }
    }
    watching.remove(index)
    if let result = facts.result(for: key.digest) {
      reuse(index, key, result, why: "the same action was executed at the same time")
    } else {
      enqueue(index, key, why: why, known: nil)
    }
  }

  private func start(
    _ index: Int, _ key: ActionKey, why: String, known: KnownResult?, number: Int
  ) {
    let instance = graph.instances[index]
    if locks[key.digest] == nil {
      do {
        guard let lock = try store.lock(action: key.digest, wait: false) else {
          // Another process is at it; look again when it may have finished.
          executors[key.digest] = nil
          states[index] = .elsewhere(key, why: why)
          watching.insert(index)
          return
        }
        locks[key.digest] = lock
        // Somebody may have finished it between our decision and the lock.
        if known == nil, number == 1, !decider.forced.contains(index), instance.isCached,
          let result = facts.result(for: key.digest)
        {
          release(key)
          executors[key.digest] = nil
          reuse(index, key, result, why: "another run executed it at the same time")
          return
        }
      } catch {
        infrastructureFailure = .infrastructure("\(error)")
        return
      }
    }
    let id = nextAttempt
    nextAttempt += 1
    let folder = "\(layout.work)/\(id)"
    let log = StageLog(
      path: "\(folder).log",
      mask: SecretMask(instance.secrets.compactMap { options.environment[$0] }))
    let attempt = Attempt(
      id: id, name: "\(layout.run)-\(id)", instance: index, number: number, key: key, why: why,
      folder: folder, log: log)
    states[index] = .running
    verifying[id] = known
    cpusInUse += min(instance.resources.cpus, options.jobs)
    memoryInUse += instance.resources.memory ?? 0
    preparing += 1
    let inputs = instance.inputs.map { ($0, materials(of: $0)) }
    DispatchQueue.global().async { [self] in
      let prepared = Result { try prepare(instance, key, inputs, in: folder) }
      wakeup.post { [self] in
        preparing -= 1
        launch(attempt, prepared)
      }
    }
  }

  /// What an input slot's folder is made of.
  private func materials(of input: Instance.InputSlot) -> InputMaterial {
    func content(_ instance: Int, _ slot: String) -> KnownOutput {
      guard case .known(let result) = standing(instance), let output = result.outputs[slot] else {
        preconditionFailure("\(slot) was there when the key was made")
      }
      return output
    }
    switch input.source {
    case .path(let path): return .path(path)
    case .artifact(let instance, let slot): return .artifact(content(instance, slot))
    case .gathered(let items):
      return .gathered(items.map { ($0.name, $0.matrix, content($0.instance, $0.slot)) })
    }
  }

  func release(_ key: ActionKey) {
    locks[key.digest] = nil
  }
}

/// What an input is made of in the attempt's folder.
enum InputMaterial: Sendable {
  case path(String)
  case artifact(KnownOutput)
  case gathered([(name: String, matrix: [String: Value], output: KnownOutput)])
}
