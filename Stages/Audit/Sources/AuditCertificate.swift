import Formats
public import StageKit
import StructuredValue
import Verification
import VerificationAudit

/// Checks a certificate.
public struct AuditCertificate: Stage {
  public struct Parameters: Decodable, Sendable {
    var row: Int
  }

  public static var manifest: [UInt8] { PackageResources.stage_yaml }
  public static var code: String { CodeFingerprint.digest }

  public init() {}

  public func run(_ parameters: Parameters, in context: StageContext) async throws {
    let network = try context.read("network") { try ReLUNetwork.read(path: $0) }
    let property = try context.read("property") { path in
      try Property.read(
        path: path, row: parameters.row, images: context.inputs("images").first?.path,
        for: network)
    }
    let certificate = try context.read("certificate") { try Certificate.read(path: $0) }
    let parts = certificate.proofs.reduce(0) { $0 + $1.leafCount }
    let report = Audit.check(certificate, network, property) {
      context.progress($0.leaves, of: max(parts, $0.leaves), unit: "parts")
    }
    let kind = certificate.witness == nil ? "unsat" : "sat"
    let bound: Value =
      report.smallestBound.isFinite ? .double(report.smallestBound) : .null
    let result: Value = [
      "valid": .bool(report.isValid), "verdict": .string(kind),
      "failure": report.failure.map { .string($0) } ?? .null, "leaves": .int(report.leaves),
      "parts": .int(report.parts), "smallest-bound": bound,
    ]
    try context.write(result.json(indented: true), to: "report")
    context.metric("valid", report.isValid ? 1 : 0)
    context.metric("leaves", report.leaves)
    context.metric("parts", report.parts)
    context.metric("smallest_bound", bound.double)
    if let failure = report.failure {
      context.log(.error, "the certificate proves nothing: \(failure)")
    } else {
      context.note("The certificate proves **\(kind)**: \(report.leaves) parts checked.")
    }
  }
}
