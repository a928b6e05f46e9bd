extension YAMLSurface {
  /// Takes the key at the end of a path out of its map, with the comment that ends its line.
  ///
  /// - Parameter path: Ends with a key of a map that has others.
  /// - Throws: `YAMLEditError` where there is no such key, or it stands in an unusual way.
  mutating func remove(_ path: [YAMLEditor.Step]) throws(YAMLEditError) {
    var place = whole
    for step in path.dropLast() {
      guard let next = try self.place(step, in: place) else { throw missing(path) }
      place = next
    }
    guard case .key(let key)? = path.last, let members = place.node.map,
      let member = members.first(where: { $0.key == key && !$0.isMerged }),
      let value = try self.place(.key(key), in: place)
    else { throw missing(path) }
    let start = try index(of: member.keyLocation)
    var next: Int?
    for other in members where !other.isMerged {
      let place = try index(of: other.keyLocation)
      if place > start { next = min(next ?? place, place) }
    }
    if place.isInFlow || isBracket(at: place.range.lowerBound) {
      removeFromFlow(start..<value.range.upperBound, next: next)
    } else {
      try removeFromBlock(start..<value.range.upperBound, next: next)
    }
  }

  /// With the comma after it, or before it where it is the last.
  private mutating func removeFromFlow(_ pair: Range<Int>, next: Int?) {
    if let next, !scalars[pair.upperBound..<next].contains("#") {
      return put("", at: pair.lowerBound..<next)
    }
    var start = pair.lowerBound
    while start > 0, isSpace(scalars[start - 1]) { start -= 1 }
    // Where a comment stands between, the comma may stay: YAML allows one before a bracket.
    guard next == nil, start > 0, scalars[start - 1] == "," else {
      var end = pair.upperBound
      while scalars[safe: end] == " " { end += 1 }
      if scalars[safe: end] == "," { end += 1 }
      return put("", at: pair.lowerBound..<end)
    }
    put("", at: (start - 1)..<pair.upperBound)
  }

  /// With the lines that it has to itself.
  private mutating func removeFromBlock(_ pair: Range<Int>, next: Int?) throws(YAMLEditError) {
    let begin = pair.lowerBound - column(of: pair.lowerBound)
    guard scalars[begin..<pair.lowerBound].allSatisfy({ $0 == " " }) else {
      // The first key of a list's item: the next one takes its place after the dash.
      guard let next, !scalars[pair.upperBound..<next].contains("#") else {
        throw YAMLEditError("\(file): the first line of an item is best removed by hand")
      }
      return put("", at: pair.lowerBound..<next)
    }
    let end = endOfLine(from: pair.upperBound)
    if end < scalars.count { return put("", at: begin..<(end + 1)) }
    // The file's last line ends with no line end, and so does what becomes its last.
    var start = begin
    if start > 0 { start -= 1 }
    if start > 0, scalars[start - 1] == "\r" { start -= 1 }
    put("", at: start..<end)
  }
}
