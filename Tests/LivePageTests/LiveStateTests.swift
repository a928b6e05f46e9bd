import StructuredValue
import Testing

@testable import LivePage

struct LiveStateTests {
  private func runs(_ state: LiveState) async throws -> [Value] {
    try Value(json: await state.snapshot().json)["runs"]?.list ?? []
  }

  private func line(_ event: Value) -> [UInt8] { Array(event.json().utf8) }

  @Test func `runs that go on at once are all told, and of those that are over the last`()
    async throws
  {
    let state = LiveState(hub: EventHub(epoch: "e"), isReadOnly: false)
    for name in ["1", "2"] {
      await state.follow(RunState(run: name))
      _ = await state.take(
        [line(["event": "began", "instances": ["a", "b"], "at": 0.0])], of: name)
    }
    _ = await state.take(
      [line(["event": "started", "instance": "a", "attempt": 1, "why": "", "at": 1.0])], of: "1")
    let hasResults = await state.take(
      [line(["event": "finished", "instance": "a", "outcome": "executed"])], of: "1")
    #expect(hasResults)
    #expect(await state.going.map(\.run) == ["1", "2"])
    #expect(await state.going.map(\.open) == [["b"], ["a", "b"]])
    // What one says is not taken for the other.
    #expect(try await runs(state)[1]["stages"] == [:])
    #expect(await state.take([line(["event": "ended"])], of: "unknown") == false)

    _ = await state.take([line(["event": "ended", "status": "failed", "at": 2.0])], of: "2")
    await state.end("2")
    #expect(await state.going.map(\.run) == ["1"])
    #expect(try await runs(state).map { $0["status"]?.string } == ["running", "failed"])
    // Its process is gone without a word.
    await state.end("1")
    #expect(try await runs(state).map { $0["status"]?.string } == ["lost"])
  }
}
