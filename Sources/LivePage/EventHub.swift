import Foundation
import Synchronization

/// The stream of events that all open pages read, each at its own pace.
///
/// The latest events are kept in a ring of bounded size. A page that comes back says what it saw last
/// and is given what it missed; one that missed more than the ring holds starts from a snapshot.
final class EventHub: Sendable {
  /// Names this server's life: what a page saw of an earlier one is no place to go on from.
  let epoch: String
  private let state = Mutex(State())

  /// Bytes of events that are kept.
  static let limit = 2 << 20

  private struct Message {
    var number: Int
    var bytes: [UInt8]
  }

  private struct State {
    var ring: [Message] = []
    var size = 0
    var latest = 0
    var waiting: [Int: CheckedContinuation<Void, Never>] = [:]
    var nextWaiter = 0
    var streams = 0
    var isClosed = false
  }

  init(epoch: String) { self.epoch = epoch }

  /// The number of the latest event.
  var latest: Int { state.withLock { $0.latest } }

  /// How many pages are listening.
  var streams: Int { state.withLock { $0.streams } }

  /// Sends an event to every page.
  ///
  /// - Parameters:
  ///   - event: Its name.
  ///   - json: Of one line.
  func publish(_ event: String, _ json: String) {
    wake { state in
      state.latest += 1
      let message = Message(
        number: state.latest, bytes: Self.frame(event, json, id: "\(epoch)-\(state.latest)"))
      state.ring.append(message)
      state.size += message.bytes.count
      while state.size > Self.limit, state.ring.count > 1 {
        state.size -= state.ring.removeFirst().bytes.count
      }
    }
  }

  /// Lets every stream say that it lives, so that closed ones are noticed.
  func beat() { wake { _ in } }

  /// Ends all streams.
  func close() { wake { $0.isClosed = true } }

  /// An event in the format of the HTML standard, section 9.2.5.
  static func frame(_ event: String, _ json: String, id: String) -> [UInt8] {
    Array("event: \(event)\nid: \(id)\ndata: \(json)\n\n".utf8)
  }

  private func wake(_ change: (inout State) -> Void) {
    let waiting = state.withLock { state in
      change(&state)
      defer { state.waiting = [:] }
      return state.waiting.values
    }
    for continuation in waiting { continuation.resume() }
  }

  /// What came after an event, and the number of its last one; nil where that is no longer known.
  private func news(after number: Int) -> (bytes: [UInt8], number: Int)? {
    state.withLock { state in
      if number == state.latest { return ([], number) }
      guard number < state.latest, let first = state.ring.first?.number, first <= number + 1 else {
        return nil
      }
      return (state.ring.drop { $0.number <= number }.flatMap(\.bytes), state.latest)
    }
  }

  private func sleep(after number: Int) async {
    await withCheckedContinuation { continuation in
      let isReady = state.withLock { state in
        if state.latest != number || state.isClosed { return true }
        state.nextWaiter += 1
        state.waiting[state.nextWaiter] = continuation
        return false
      }
      if isReady { continuation.resume() }
    }
  }

  /// The number in an event's id, where it is one of this server's life.
  func number(of id: String?) -> Int? {
    guard let id, id.hasPrefix(epoch + "-") else { return nil }
    return Int(id.dropFirst(epoch.count + 1))
  }
}

extension EventHub {
  /// The body of one page's event stream.
  struct Stream: Sendable {
    private let hub: EventHub
    private var position: Int?
    /// Everything at once, with the number of the latest event that it contains.
    private let snapshot: @Sendable () async -> (number: Int, json: String)
    private let presence: Presence
    private var hasGreeted = false

    init(
      hub: EventHub, start: Int?,
      snapshot: @escaping @Sendable () async -> (number: Int, json: String)
    ) {
      self.hub = hub
      position = start
      self.snapshot = snapshot
      presence = Presence(hub)
    }

    /// What is to be sent next, as soon as there is something; nil at the server's end.
    mutating func next() async -> [UInt8]? {
      if !hasGreeted {
        hasGreeted = true
        return Array("retry: 1000\n\n".utf8)
      }
      guard let known = position else { return await everything() }
      for _ in 0..<2 {
        if hub.state.withLock({ $0.isClosed }) { return nil }
        guard let news = hub.news(after: known) else { return await everything() }
        if !news.bytes.isEmpty {
          position = news.number
          return news.bytes
        }
        await hub.sleep(after: known)
      }
      return hub.state.withLock({ $0.isClosed }) ? nil : Array(": still here\n\n".utf8)
    }

    private mutating func everything() async -> [UInt8] {
      let (number, json) = await snapshot()
      position = number
      return EventHub.frame("state", json, id: "\(hub.epoch)-\(number)")
    }
  }

  /// Counts a stream for as long as it is read.
  final class Presence: Sendable {
    private let hub: EventHub
    init(_ hub: EventHub) {
      self.hub = hub
      hub.state.withLock { $0.streams += 1 }
    }
    deinit { hub.state.withLock { $0.streams -= 1 } }
  }
}
