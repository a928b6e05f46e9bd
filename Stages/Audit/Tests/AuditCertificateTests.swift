import AuditStage
import Formats
import Foundation
import StageKit
import StageTesting
import StructuredValue
import Testing
import Verification

struct AuditCertificateTests {
  private static let competition: String = {
    let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let root =
      ProcessInfo.processInfo.environment["PIPELINE_MIRROR"]
      ?? package.appendingPathComponent("../shared/mirror").standardizedFileURL.path
    return "\(root)/raw.githubusercontent.com/stanleybak/vnncomp2021/"
      + "90419aadcf06cf543ce5c1706cae1059dc9fa6cf/benchmarks"
  }()
  private static let isPresent = FileManager.default.fileExists(atPath: competition)

  @Test(
    .enabled(if: isPresent, "the data mirror is not there; set PIPELINE_MIRROR"),
    arguments: [
      (
        "oval21/nets/cifar_base_kw.onnx",
        "oval21/vnnlib/cifar_base_kw-img4549-eps0.00392156862745098"
      ),
      (
        "oval21/nets/cifar_base_kw.onnx",
        "oval21/vnnlib/cifar_base_kw-img1697-eps0.0014379084967320263"
      ),
      ("acasxu/ACASXU_run2a_3_3_batch_2000.onnx", "acasxu/prop_3"),
    ])
  func `verdicts on published networks pass the audit, and fail on another property`(
    network: String, property: String
  ) async throws {
    let folder = AuditCertificateTests.competition
    let (network, property) = ("\(folder)/\(network)", "\(folder)/\(property).vnnlib")
    let net = try ReLUNetwork.read(path: network)
    let outcome = try Verifier(net, SearchOptions()).verify(
      Property.read(path: property, for: net))
    let path = NSTemporaryDirectory() + "certificate-\(UUID().uuidString)"
    try #require(outcome.certificate).write(to: path)
    let audit = try await StageHarness(AuditCertificate.self).run(
      inputs: ["network": network, "property": property, "certificate": path])
    #expect(audit.metrics["valid"] == 1, "\(audit.log)")
    let other =
      network.contains("ACAS")
      ? "\(folder)/acasxu/prop_2.vnnlib"
      : "\(folder)/oval21/vnnlib/cifar_base_kw-img7779-eps0.04771241830065359.vnnlib"
    let refused = try await StageHarness(AuditCertificate.self).run(
      inputs: ["network": network, "property": other, "certificate": path])
    #expect(refused.metrics["valid"] == 0)
    let report = try JSONText.read(FileContent(path: refused.path("report")))
    #expect(report["failure"]?.string?.isEmpty == false)
  }

  @Test func `a file that is no certificate is refused`() async throws {
    let path = NSTemporaryDirectory() + "certificate-\(UUID().uuidString)"
    try Safetensors([]).write(to: path)
    let error = #expect(throws: FormatError.self) { try Certificate.read(path: path) }
    #expect(error?.found == "the format ''")
  }
}
