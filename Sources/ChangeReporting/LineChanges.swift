import ArtifactComparison
import Foundation

/// The lines in which two texts differ, with their surroundings.
enum LineChanges {
  /// Lines as `diff -u` shows them: a sign in front, three lines around each change, `…` where some
  /// are left out.
  static func between(_ old: String, _ new: String) -> [String] {
    let before = old.components(separatedBy: "\n")
    let after = new.components(separatedBy: "\n")
    let difference = after.difference(from: before)
    var removed = Set<Int>()
    var inserted = Set<Int>()
    for change in difference {
      switch change {
      case .remove(let offset, _, _): removed.insert(offset)
      case .insert(let offset, _, _): inserted.insert(offset)
      }
    }
    var lines: [(text: String, isChange: Bool)] = []
    var (left, right) = (0, 0)
    while left < before.count || right < after.count {
      if left < before.count, removed.contains(left) {
        lines.append(("- " + before[left], true))
        left += 1
      } else if right < after.count, inserted.contains(right) {
        lines.append(("+ " + after[right], true))
        right += 1
      } else {
        lines.append(("  " + (left < before.count ? before[left] : ""), false))
        left += 1
        right += 1
      }
    }
    return near(lines)
  }

  private static func near(_ lines: [(text: String, isChange: Bool)]) -> [String] {
    let reach = 3
    var isShown = [Bool](repeating: false, count: lines.count)
    for index in lines.indices where lines[index].isChange {
      for near in max(0, index - reach)...min(lines.count - 1, index + reach) {
        isShown[near] = true
      }
    }
    var result: [String] = []
    for index in lines.indices {
      if isShown[index] {
        result.append(lines[index].text)
      } else if index == 0 || isShown[index - 1] {
        result.append("…")
      }
    }
    return result
  }
}
