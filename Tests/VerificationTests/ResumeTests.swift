import Foundation
import Testing
import Verification

struct ResumeTests {
  @Test(arguments: [Splitting.relus, .inputs])
  func `an interrupted search goes on from its file to the same verdict`(
    splitting: Splitting
  ) throws {
    var resumed = 0
    for tiny in try TinyNetwork.all() {
      for distance in [-0.02, 0.02] {
        var options = SearchOptions()
        options.splitting = splitting
        options.attackStarts = 0
        options.bounds.rootSteps = 0
        options.bounds.childSteps = 2
        options.bounds.intermediateSteps = 1
        options.batch = 2
        options.saveInterval = 0
        let verifier = try Verifier(tiny.network, options)
        let property = tiny.property(shift: distance - tiny.exactMinimum)
        let whole = try verifier.verify(property)
        var saved: SavedTree?
        var rounds = 0
        let part = try verifier.verify(
          property, save: { saved = $0 },
          report: { _ in
            rounds += 1
            return rounds < 5
          })
        guard part.verdict == .unknown(.cancelled), let saved else { continue }
        resumed += 1
        let path = NSTemporaryDirectory() + "tree-\(UUID().uuidString)"
        try saved.write(to: path)
        let tree = try SavedTree.read(path: path)
        #expect(tree == saved)
        let rest = try verifier.verify(property, resume: tree)
        #expect(rest.verdict.word == whole.verdict.word)
        // What was done before is not done again.
        #expect(rest.branches >= part.branches - 4)
      }
    }
    #expect(resumed > 10)
  }
}
