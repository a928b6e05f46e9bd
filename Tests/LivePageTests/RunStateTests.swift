import Foundation
import StructuredValue
import Testing

@testable import LivePage

struct RunStateTests {
  private func state(_ events: [Value]) -> RunState {
    var state = RunState(run: "r")
    for event in events { state.apply(event) }
    return state
  }

  @Test func `events add up to how each stage stands`() {
    let state = state([
      ["event": "began", "run": "r", "instances": ["a", "b"], "at": 10.0],
      ["event": "started", "instance": "a", "attempt": 1, "why": "new", "at": 11.0],
      ["event": "progress", "instance": "a", "done": 1, "total": 4, "unit": "x", "message": "m"],
      ["event": "line", "instance": "a", "text": "hello"],
      ["event": "metric", "instance": "a", "name": "loss", "step": 3, "value": 0.5],
    ])
    #expect(state.selected == ["a", "b"])
    #expect(state.began == 10)
    let a = state.json["stages"]?["a"]
    #expect(a?["state"] == "running")
    #expect(a?["started"] == 11.0)
    #expect(a?["progress"]?["total"] == 4)
    #expect(a?["log"] == ["hello"])
    #expect(a?["curves"]?["loss"] == [[3, 0.5]])
    var over = state
    over.apply([
      "event": "finished", "instance": "a", "outcome": "failed", "seconds": 2.0, "code": "P0301",
      "message": "ended",
    ])
    over.apply(["event": "ended", "status": "failed", "at": 20.0])
    #expect(over.json["stages"]?["a"]?["state"] == "failed")
    #expect(over.json["stages"]?["a"]?["code"] == "P0301")
    #expect(over.status == "failed")
  }

  @Test func `what makes no sense is passed over`() {
    let state = state([
      ["event": "metric", "instance": "nobody", "name": "x", "step": 1, "value": 1.0],
      ["event": "line", "instance": "nobody", "text": "x"], ["event": "future"], [:], 7, "text",
      ["event": "finished"],
    ])
    #expect(state.status == "running")
  }

  @Test func `a million events leave a bounded state`() {
    var state = RunState(run: "r")
    state.apply(["event": "began", "instances": ["a"], "at": 0.0])
    state.apply(["event": "started", "instance": "a", "attempt": 1, "why": "", "at": 0.0])
    let line = String(repeating: "x", count: 5000)
    for step in 0..<100_000 {
      state.apply([
        "event": "metric", "instance": "a", "name": "loss", "step": .int(step), "value": 1.0,
      ])
      if step % 10 == 0 { state.apply(["event": "line", "instance": "a", "text": .string(line)]) }
    }
    let stage = state.json["stages"]?["a"]
    let points = stage?["curves"]?["loss"]?.list ?? []
    #expect(points.count <= Curve.limit + 1)
    #expect(points.count > Curve.limit / 3)
    #expect(points.first == [0, 1.0])
    #expect(points.last == [99_999, 1.0])
    #expect((stage?["log"]?.list?.count ?? 0) <= 2 * StageState.keptLines)
    #expect(state.json.json().utf8.count < 600_000)
  }

  @Test func `logs of failed stages outlive those of others`() {
    var state = RunState(run: "r")
    for index in 0..<200 {
      let name = Value.string("s\(index)")
      state.apply(["event": "started", "instance": name, "attempt": 1, "why": "", "at": 0.0])
      state.apply(["event": "line", "instance": name, "text": "words"])
      state.apply([
        "event": "finished", "instance": name, "outcome": index == 3 ? "failed" : "executed",
      ])
    }
    let kept = state.stages.filter { !$0.value.log.isEmpty }
    #expect(kept.count == RunState.keptLogs)
    #expect(kept["s3"] != nil)
    #expect(kept["s199"] != nil)
  }
}

struct JournalTailTests {
  @Test func `a growing file gives each line once, whole`() throws {
    let path = NSTemporaryDirectory() + "tail-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var tail = JournalTail(path: path)
    #expect(tail.lines() == nil)
    let file = try #require(fopen(path, "w"))
    defer { fclose(file) }
    func put(_ text: String) {
      fputs(text, file)
      fflush(file)
    }
    put("one\ntw")
    #expect(tail.lines()?.map { String(decoding: $0, as: UTF8.self) } == ["one"])
    #expect(tail.lines() == [])
    put("o\n\nthree\n")
    #expect(tail.lines()?.map { String(decoding: $0, as: UTF8.self) } == ["two", "", "three"])
    #expect(JournalTail.firstLine(of: path) == Array("one".utf8))
  }
}

struct EventHubTests {
  private func read(_ stream: EventHub.Stream, _ count: Int) async -> [String] {
    var stream = stream
    var texts: [String] = []
    for _ in 0..<count {
      guard let bytes = await stream.next() else { break }
      texts.append(String(decoding: bytes, as: UTF8.self))
    }
    return texts
  }

  @Test func `a page that comes back is given what it missed, once`() async throws {
    let hub = EventHub(epoch: "e")
    for number in 1...5 { hub.publish("x", "\(number)") }
    let stream = EventHub.Stream(hub: hub, start: hub.number(of: "e-3")) { (5, "all") }
    let texts = await read(stream, 2)
    #expect(texts[1] == "event: x\nid: e-4\ndata: 4\n\nevent: x\nid: e-5\ndata: 5\n\n")
  }

  @Test(arguments: [nil, "other-3", "e-99", "e-x"])
  func `one that the server does not know starts with everything`(id: String?) async throws {
    let hub = EventHub(epoch: "e")
    for number in 1...5 { hub.publish("x", "\(number)") }
    let stream = EventHub.Stream(hub: hub, start: hub.number(of: id)) { (5, "all") }
    #expect(await read(stream, 2)[1] == "event: state\nid: e-5\ndata: all\n\n")
  }

  @Test func `one that missed more than is kept starts with everything`() async throws {
    let hub = EventHub(epoch: "e")
    let big = String(repeating: "x", count: 100_000)
    for _ in 1...50 { hub.publish("x", big) }
    let stream = EventHub.Stream(hub: hub, start: 1) { (50, "all") }
    #expect(await read(stream, 2)[1].hasPrefix("event: state"))
    let late = EventHub.Stream(hub: hub, start: 49) { (50, "all") }
    #expect(await read(late, 2)[1].hasPrefix("event: x\nid: e-50"))
  }

  @Test func `a waiting page is woken by news, by a beat and by the end`() async throws {
    let hub = EventHub(epoch: "e")
    let stream = EventHub.Stream(hub: hub, start: 0) { (0, "all") }
    let reading = Task { await read(stream, 4) }
    while hub.streams == 0 { await Task.yield() }
    hub.publish("x", "1")
    while !reading.isCancelled, hub.latest == 0 { await Task.yield() }
    // Whether the page reads the news before or after the beat, it gets both, then the end.
    for _ in 0..<1000 { await Task.yield() }
    hub.beat()
    for _ in 0..<1000 { await Task.yield() }
    hub.close()
    let texts = await reading.value
    #expect(texts.contains { $0.contains("data: 1") })
    #expect(texts.count <= 3)
  }
}
