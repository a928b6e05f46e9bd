import Foundation

import StructuredValue
import Testing
import Verification

struct PropertyTableTests {
  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `the rows whose images are mirrored can be used`() throws {
    let images = try CIFARImages(path: Mirror.cifarBatch)
    #expect(images.count == 1017)
    // Counts of rows and of rows with an image below 1017.
    let tables = [
      ("base", "base_easy", 641, 81), ("base", "base_med", 525, 63), ("base", "base_hard", 500, 48),
      ("wide", "wide", 306, 47), ("deep", "deep", 250, 37),
    ]
    for (network, name, rows, usable) in tables {
      let table = try PropertyTable(path: "\(Mirror.branching)/cifar_exp/\(name).pkl")
      #expect(table.rows.count == rows)
      let net = try ReLUNetwork.read(
        onnx: "\(Mirror.competition)/oval21/nets/cifar_\(network)_kw.onnx")
      let found = try table.properties(of: net, images: images)
      #expect(found.usable.count == usable)
      #expect(found.skipped.count == rows - usable)
    }
  }

  @Test(.enabled(if: Mirror.isPresent, "\(Mirror.isAbsent)"))
  func `the networks give the reference logits`() throws {
    let reference = try Reference.vectors()
    let images = try CIFARImages(path: Mirror.cifarBatch)
    for entry in reference["logits"]?.list ?? [] {
      let net = try ReLUNetwork.read(
        onnx: "\(Mirror.competition)/oval21/nets/cifar_\(entry["net"]?.string ?? "")_kw.onnx")
      let image = entry["image"]?.int ?? 0
      #expect(images.label(image) == entry["label"]?.int)
      let logits = net.evaluate(images.normalised(image))
      for (logit, expected) in zip(logits, entry["logits"]?.list ?? []) {
        // The tolerance that the reference states: its pictures are float32.
        #expect(abs(logit - expected.number) <= 1e-5 * max(1, abs(logit)))
      }
    }
  }
}
