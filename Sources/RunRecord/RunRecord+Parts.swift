public import StructuredValue

/// The lists that are nearly all of a record; most of their elements are as in the run before.
public enum RecordList: String, CaseIterable, Sendable {
  case cells, instances, specification

  /// How many elements stand in one part: an element is some hundred bytes, a file of the
  /// specification thousands.
  private var partSize: Int { self == .specification ? 1 : 32 }

  /// The list of a record in parts, each of them JSON.
  func parts(of record: RunRecord) -> [[UInt8]] {
    switch self {
    case .cells: parts(record.cells)
    case .instances: parts(record.instances)
    case .specification: parts(record.specification)
    }
  }

  /// At least one, so that an empty list is told from one that is not there.
  private func parts(_ elements: [some JSONRepresentable]) -> [[UInt8]] {
    stride(from: 0, to: max(1, elements.count), by: partSize).map { start in
      let part = elements[start..<min(start + partSize, elements.count)]
      var writer = JSONWriter(capacity: 1400 * part.count)
      writer.beginList()
      for element in part { element.write(to: &writer) }
      writer.endList()
      return writer.bytes
    }
  }
}

/// What can be read from a record.
public protocol RecordContent {
  /// The lists that it needs.
  static var lists: Set<RecordList> { get }
  init(parts: RecordParts) throws(JSONError)
}

extension RunRecord: RecordContent {
  public static var lists: Set<RecordList> { Set(RecordList.allCases) }

  public init(parts: RecordParts) throws(JSONError) {
    self = try JSONReader.read(parts.lists.isEmpty ? parts.head : parts.joined, as: RunRecord.self)
  }
}

/// A record as JSON in parts, so that what two records share can be kept once.
public struct RecordParts: Sendable {
  /// An object with all members but the lists; or with all, where the record is in one piece.
  public var head: [UInt8]
  /// The parts of each list, in order; each of them is a list too.
  public var lists: [RecordList: [[UInt8]]]

  public init(head: [UInt8], lists: [RecordList: [[UInt8]]] = [:]) {
    self.head = head
    self.lists = lists
  }

  public init(of record: RunRecord) {
    var writer = JSONWriter(capacity: 4096)
    record.write(to: &writer, without: Set(RecordList.allCases))
    head = writer.bytes
    lists = [:]
    for list in RecordList.allCases { lists[list] = list.parts(of: record) }
  }

  /// The record, or as much of it as there are lists, as one object.
  public var joined: [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(
      lists.values.joined().reduce(head.count + 100) { $0 + $1.count })
    text += head[..<max(0, head.count - 1)]
    for (list, parts) in lists {
      text += ",\"\(list.rawValue)\":[".utf8
      for (index, part) in parts.enumerated() {
        if index > 0 { text.append(UInt8(ascii: ",")) }
        if part.count > 2 { text += part[1..<(part.count - 1)] }
      }
      text.append(UInt8(ascii: "]"))
    }
    text.append(UInt8(ascii: "}"))
    return text
  }
}
