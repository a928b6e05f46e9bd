import ArtifactStore
import ContentHashing
import Foundation
import Planning
public import RunRecord
import StructuredValue

/// The proof that there was nothing to do: what a run looked at, and what it found in the store.
///
/// A plan is a pure function of the pipeline's files, the options, the manifests, the inputs'
/// content and the store's. When none of what it looked at has changed, the plan has not either,
/// and a run of nothing but hits ends after a look at each file, without reading any.
public struct Receipt {
  /// What the user asked for, by which the receipt is found.
  public struct Question {
    /// Absolute.
    public var project: String
    /// Absolute.
    public var file: String
    public var program: String
    public var arguments: [String]
    /// The variables of the environment that say where programs and plugins are found.
    public var path: String

    public init(
      project: String, file: String, program: String, arguments: [String], path: String
    ) {
      self.project = project
      self.file = file
      self.program = program
      self.arguments = arguments
      self.path = path
    }

    var place: String {
      let digest = Digest.canonical(
        "receipt/v1",
        .list(([project, file, program, path] + arguments).map { .string($0) }))
      return "\(project)/Artifacts/receipts/\(digest.hex)"
    }
  }

  /// What to tell the user.
  public var summary: String

  /// Looks whether anything that the last run of nothing but hits saw has changed.
  ///
  /// - Parameter question: What the user asks for now.
  /// - Returns: Nil where something changed, or no such run is known.
  public static func standing(_ question: Question) -> Receipt? {
    guard let data = FileManager.default.contents(atPath: question.place) else { return nil }
    let store = open("\(question.project)/Artifacts", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard store >= 0 else { return nil }
    defer { close(store) }
    var text = Array(data)
    var summary = ""
    let isStanding = text.withUnsafeMutableBufferPointer { text in
      var start = text.startIndex
      while let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) {
        guard end > start + 2 else { return false }
        let content = text[(start + 2)..<end]
        switch text[start] {
        case UInt8(ascii: "o"):
          // The line becomes a C string where it stands: there are thousands of them.
          text[end] = 0
          guard text.isPresent(pathAt: start + 2, in: store) else { return false }
        case UInt8(ascii: "f"):
          guard isUnchanged(content) else { return false }
        default: summary += String(decoding: content, as: UTF8.self) + "\n"
        }
        start = end + 1
      }
      return start == text.endIndex
    }
    return isStanding ? Receipt(summary: summary) : nil
  }

  /// Whether a file still has the signature that a line names, before its path and a tab.
  private static func isUnchanged(_ line: Slice<UnsafeMutableBufferPointer<UInt8>>) -> Bool {
    guard let gap = line.firstIndex(of: UInt8(ascii: "\t")) else { return false }
    let path = String(decoding: line[(gap + 1)...], as: UTF8.self)
    return ArtifactStore.signature(of: path) == String(decoding: line[..<gap], as: UTF8.self)
  }

  /// Writes a receipt for a run that found everything in place.
  ///
  /// A file that changed within the last second is not trusted, since another change in the same
  /// tick of the clock would not show: then there is no receipt, and the next run looks again.
  static func write(
    _ question: Question, project: Project, record: RunRecord, loaded: LoadedPipeline,
    summary: String
  ) {
    project.store.observe(question.program)
    guard project.hasOwnRepository else { return }
    var text = ""
    let limit = Int64(Date().timeIntervalSince1970 * 1e9) - 1_000_000_000
    for (path, signature) in project.store.observed.sorted(by: { $0.key < $1.key }) {
      let times = signature.split(separator: " ").suffix(2).compactMap { Int64($0) }
      guard !path.contains("\n"), times.allSatisfy({ $0 < limit }) else { return }
      text += "f \(signature)\t\(path)\n"
    }
    var objects: Set<Digest> = []
    func object(_ space: String, _ digest: Digest) {
      guard objects.insert(digest).inserted else { return }
      text += "o \(space)/\(digest.hex.prefix(2))/\(digest.hex)\n"
    }
    for (instance, planned) in zip(record.instances, loaded.graph.instances) {
      switch instance.outcome {
      case .skipped: continue
      case .cached, .executed: break
      default: return
      }
      guard planned.isReusable, let key = instance.key else { return }
      object("action", key)
      for output in instance.outputs { object(output.isTree ? "tree" : "blob", output.digest) }
    }
    for line in summary.split(separator: "\n") { text += "s \(line)\n" }
    // Only a short cut: without it the next run takes the long way.
    try? FileManager.default.createDirectory(
      atPath: "\(project.store.path)/receipts", withIntermediateDirectories: true)
    try? text.write(toFile: question.place, atomically: true, encoding: .utf8)
  }
}

extension UnsafeMutableBufferPointer<UInt8> {
  /// Whether a folder holds what a path names that starts at a place and ends with a zero.
  fileprivate func isPresent(pathAt place: Int, in folder: Int32) -> Bool {
    guard let start = baseAddress else { return false }
    let path = UnsafeRawPointer(start + place).assumingMemoryBound(to: CChar.self)
    return faccessat(folder, path, F_OK, 0) == 0
  }
}

extension Project {
  /// False for a linked work tree, whose HEAD lies elsewhere and would not be noticed.
  fileprivate var hasOwnRepository: Bool {
    var isFolder: ObjCBool = false
    return !FileManager.default.fileExists(atPath: "\(root)/.git", isDirectory: &isFolder)
      || isFolder.boolValue
  }

  /// Notes where HEAD stands as the run begins: a new commit is a new run to record, though nothing
  /// is executed, and a commit made meanwhile is another one than the record names.
  func observeRepository() {
    let git = "\(root)/.git"
    store.observe("\(git)/HEAD")
    guard let head = try? String(contentsOfFile: "\(git)/HEAD", encoding: .utf8),
      head.hasPrefix("ref: ")
    else { return }
    let name = head.dropFirst(5).trimmingCharacters(in: .whitespacesAndNewlines)
    store.observe("\(git)/\(name)")
    store.observe("\(git)/packed-refs")
  }

  /// Writes the receipt of a run, where it deserves one.
  ///
  /// - Parameters:
  ///   - question: What the user asked for.
  ///   - record: What the run did.
  ///   - loaded: What it ran.
  ///   - summary: What to tell the user next time.
  public func keepReceipt(
    _ question: Receipt.Question, record: RunRecord, loaded: LoadedPipeline, summary: String
  ) {
    guard record.status == .succeeded else { return }
    Receipt.write(question, project: self, record: record, loaded: loaded, summary: summary)
  }
}
