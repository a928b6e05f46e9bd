// Parts of tensors.

private let selectOne = Operator("aten::select.int")
private let slice = Operator("aten::slice.Tensor")
private let indexBy = Operator("aten::index.Tensor")
private let putAt = Operator("aten::index_put")
private let selectMany = Operator("aten::index_select")
private let sliceScatter = Operator("aten::slice_scatter")
private let selectScatter = Operator("aten::select_scatter")
private let gatherAlong = Operator("aten::gather")
private let scatterSource = Operator("aten::scatter.src")
private let scatterSum = Operator("aten::scatter_add")
private let addAt = Operator("aten::index_add")
private let sortAlong = Operator("aten::sort.stable")
private let sortIndices = Operator("aten::argsort.stable")
private let largest = Operator("aten::topk")
private let search = Operator("aten::searchsorted.Tensor")
private let countEach = Operator("aten::bincount")
private let oneHotOf = Operator("aten::one_hot")
private let distinct = Operator("aten::unique_dim")

/// One place of a subscript, for one dimension unless said otherwise.
public protocol TensorIndex {
  /// Narrows `tensor` at `dimension`, and moves on to the next.
  func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor
}

extension Int: TensorIndex {
  /// One slice, without the dimension; counted from the end where negative.
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    try tensor.selecting(self, along: dimension)
  }
}

extension Range: TensorIndex where Bound == Int {
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    defer { dimension += 1 }
    return try tensor.slicing(self, along: dimension)
  }
}

extension ClosedRange: TensorIndex where Bound == Int {
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    defer { dimension += 1 }
    guard upperBound < Int.max else {
      throw TensorError(
        .mismatch, "\(self) does not lie in an extent of \(try tensor.extent(dimension))")
    }
    return try tensor.slicing(lowerBound..<upperBound + 1, along: dimension)
  }
}

extension PartialRangeFrom: TensorIndex where Bound == Int {
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    defer { dimension += 1 }
    let extent = try tensor.extent(dimension)
    return try tensor.slicing(Swift.min(lowerBound, extent)..<extent, along: dimension)
  }
}

extension PartialRangeUpTo: TensorIndex where Bound == Int {
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    defer { dimension += 1 }
    return try tensor.slicing(0..<Swift.max(0, upperBound), along: dimension)
  }
}

/// All of a dimension, all of several, or a new one: `.all`, `.ellipsis`, `.new`.
public struct WholeIndex: TensorIndex {
  fileprivate enum Kind { case all, ellipsis, new }
  fileprivate let kind: Kind

  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    switch kind {
    case .all:
      dimension += 1
      return tensor
    case .ellipsis:
      dimension = Swift.max(dimension, tensor.rank - remaining)
      return tensor
    case .new:
      defer { dimension += 1 }
      return try tensor.unsqueezed(dimension)
    }
  }
}

extension TensorIndex where Self == WholeIndex {
  /// All of a dimension.
  public static var all: WholeIndex { WholeIndex(kind: .all) }
  /// All of as many dimensions as the other places leave.
  public static var ellipsis: WholeIndex { WholeIndex(kind: .ellipsis) }
  /// A new dimension of extent 1.
  public static var new: WholeIndex { WholeIndex(kind: .new) }
}

extension Tensor: TensorIndex {
  /// The slices at int64 indices, or where a boolean vector is true.
  public func narrow(_ tensor: Tensor, at dimension: inout Int, remaining: Int) throws -> Tensor {
    defer { dimension += Swift.max(rank, 1) - (dtype == .bool ? rank - 1 : 0) }
    let places = [Tensor?](repeating: nil, count: dimension) + [self]
    return try indexBy(.tensor(tensor), .tensors(places))
  }
}

extension Tensor {
  /// A part, as in `x[0]`, `x[.all, 2..<5]`, `x[.ellipsis, -1]`, `x[rows]`.
  ///
  /// A view where no place is a tensor, else a copy.
  ///
  /// - Throws: ``TensorError`` for an index out of range; ranges are cut at the end.
  public subscript(_ places: any TensorIndex...) -> Tensor {
    get throws {
      var result = self
      var dimension = 0
      for (index, place) in places.enumerated() {
        let remaining = places[(index + 1)...].count { ($0 as? WholeIndex)?.kind != .new }
        result = try place.narrow(result, at: &dimension, remaining: remaining)
      }
      return result
    }
  }

  /// One slice of a dimension, which is dropped; counted from the end where negative.
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func selecting(_ index: Int, along dimension: Int) throws -> Tensor {
    try selectOne(.tensor(self), .integer(dimension), .integer(index))
  }

  /// A range of a dimension, every `step`-th; cut at the end.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there, or a step below 1.
  public func slicing(
    _ range: Range<Int>, along dimension: Int, step: Int = 1
  ) throws -> Tensor {
    guard range.lowerBound >= 0 else {
      throw TensorError(.mismatch, "the range \(range) of dimension \(dimension) starts below 0")
    }
    return try slice(
      .tensor(self), .integer(dimension), .integer(range.lowerBound), .integer(range.upperBound),
      .integer(step))
  }

  /// The slices at indices [count], int64, in their order.
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func gathering(_ indices: Tensor, along dimension: Int = 0) throws -> Tensor {
    try selectMany(.tensor(self), .integer(dimension), .tensor(indices))
  }

  /// A copy with `part` in place of a range of a dimension.
  ///
  /// - Throws: ``TensorError`` where the part's shape does not fit.
  public func replacing(
    _ range: Range<Int>, along dimension: Int, with part: Tensor
  ) throws -> Tensor {
    try sliceScatter([
      .tensor(self), .tensor(part), .integer(dimension), .integer(range.lowerBound),
      .integer(range.upperBound), .integer(1),
    ])
  }

  /// A copy with `part` in place of one slice of a dimension.
  ///
  /// - Throws: ``TensorError`` where the part's shape does not fit.
  public func replacing(_ index: Int, along dimension: Int, with part: Tensor) throws -> Tensor {
    try selectScatter(.tensor(self), .tensor(part), .integer(dimension), .integer(index))
  }

  /// A copy with `values` at indices: one int64 tensor for each leading dimension; added to what is
  /// there where `accumulating`.
  ///
  /// - Throws: ``TensorError`` for an index out of range, or shapes that do not broadcast.
  public func replacing(
    at indices: [Tensor], with values: Tensor, accumulating: Bool = false
  ) throws -> Tensor {
    try putAt(.tensor(self), .tensors(indices), .tensor(values), .boolean(accumulating))
  }

  /// For each index the element of that place of the dimension, else of the same place:
  /// result[i][j] = self[indices[i][j]][j] for dimension 0.
  ///
  /// - Throws: ``TensorError`` for an index out of range, or a shape larger than this one.
  public func gather(_ indices: Tensor, along dimension: Int) throws -> Tensor {
    try gatherAlong(.tensor(self), .integer(dimension), .tensor(indices))
  }

  /// A copy with result[indices[i][j]][j] = source[i][j], for dimension 0.
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func scatter(
    _ indices: Tensor, along dimension: Int, from source: Tensor
  ) throws -> Tensor {
    try scatterSource(.tensor(self), .integer(dimension), .tensor(indices), .tensor(source))
  }

  /// As ``scatter(_:along:from:)``, but added to what is there.
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func scatterAdd(
    _ indices: Tensor, along dimension: Int, from source: Tensor
  ) throws -> Tensor {
    try scatterSum(.tensor(self), .integer(dimension), .tensor(indices), .tensor(source))
  }

  /// A copy with the slices of `source` added at indices [count] of a dimension.
  ///
  /// - Throws: ``TensorError`` for an index out of range.
  public func indexAdd(
    _ indices: Tensor, along dimension: Int = 0, from source: Tensor
  ) throws -> Tensor {
    try addAt(.tensor(self), .integer(dimension), .tensor(indices), .tensor(source))
  }

  // MARK: Order

  /// The elements in order along a dimension, and where each was; equals keep their order.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func sorted(
    along dimension: Int = -1, descending: Bool = false
  ) throws -> (values: Tensor, indices: Tensor) {
    let results = try sortAlong.tensors(
      .tensor(self), .boolean(true), .integer(dimension), .boolean(descending))
    return (results[0], results[1])
  }

  /// Where the elements in order come from, along a dimension; equals keep their order.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func argsort(along dimension: Int = -1, descending: Bool = false) throws -> Tensor {
    try sortIndices(.tensor(self), .boolean(true), .integer(dimension), .boolean(descending))
  }

  /// The so many largest (or smallest) elements along a dimension, in order, and where they are.
  ///
  /// - Throws: ``TensorError`` for more than the extent.
  public func topk(
    _ count: Int, along dimension: Int = -1, largest isLargest: Bool = true
  ) throws -> (values: Tensor, indices: Tensor) {
    let results = try largest.tensors(
      .tensor(self), .integer(count), .integer(dimension), .boolean(isLargest), .boolean(true))
    return (results[0], results[1])
  }

  /// For each value the first index of this ordered tensor whose element is not below it.
  ///
  /// - Throws: ``TensorError`` where leading shapes differ.
  public func searchSorted(_ values: Tensor) throws -> Tensor {
    try search(self, values)
  }

  /// How often each of 0, 1, … stands in this vector of integers.
  ///
  /// - Throws: ``TensorError`` for negative or real numbers, or more than one dimension.
  public func bincount(atLeast count: Int = 0) throws -> Tensor {
    try countEach(.tensor(self), .none, .integer(count))
  }

  /// A last dimension that is 1 at the element's number, 0 elsewhere; int64.
  ///
  /// - Throws: ``TensorError`` for elements that are not integers below `classes`.
  public func oneHot(classes: Int) throws -> Tensor {
    try oneHotOf(self, .integer(classes))
  }

  /// The distinct slices of a dimension in order, and for each slice which one it is.
  ///
  /// - Throws: ``TensorError`` for a dimension that is not there.
  public func unique(along dimension: Int = 0) throws -> (values: Tensor, inverse: Tensor) {
    let results = try distinct.tensors(
      .tensor(self), .integer(dimension), .boolean(true), .boolean(true))
    return (results[0], results[1])
  }
}
