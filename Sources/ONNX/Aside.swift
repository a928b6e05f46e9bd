/// Something that travels with a value but doesn't count when two are compared: the name of the
/// file for messages, comments, and fields that this module doesn't know.
struct Aside<Content: Sendable>: Hashable, Sendable {
  var content: Content

  init(_ content: Content) { self.content = content }

  static func == (left: Aside, right: Aside) -> Bool { true }
  func hash(into hasher: inout Hasher) {}
}
