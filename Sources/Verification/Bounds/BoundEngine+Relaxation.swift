internal import CBoundKernels

/// The lower slope of a ReLU that is ambiguous.
public enum LowerSlope: String, Hashable, Sendable, CaseIterable {
  /// As the upper line's, `u / (u - l)`: Wong and Kolter's bound, also called Fast-Lin.
  case parallel
  /// 1 where `u > -l`, else 0: CROWN's choice, which makes the triangle smaller.
  case adaptive

  @inline(__always)
  func slope(_ lower: Double, _ upper: Double) -> Double {
    switch self {
    case .parallel: upper / (upper - lower)
    case .adaptive: upper > -lower ? 1 : 0
    }
  }
}

extension BoundEngine {
  /// Sets one box for all lanes.
  func set(_ box: Box) {
    isBoxShared = true
    for index in 0..<inputCount {
      centre[index] = (box.lower[index] + box.upper[index]) / 2
      radius[index] = (box.upper[index] - box.lower[index]) / 2
    }
  }

  /// Sets the upper lines of one layer for all lanes, and lower slopes by a rule.
  ///
  /// `active` becomes the ambiguous ReLUs.
  func setShared(_ j: Int, _ bounds: LayerBounds, _ rule: LowerSlope) {
    let lanes = BoundEngine.lanes
    let level = levels[j]
    var count = 0
    for i in 0..<level.count {
      let line = UpperLine(bounds.lower[i], bounds.upper[i])
      level.upper[i] = line.slope
      level.intercept[i] = line.intercept
      let isFree = line.intercept > 0
      let slope = isFree ? rule.slope(bounds.lower[i], bounds.upper[i]) : line.slope
      for lane in 0..<lanes { level.lower[i * lanes + lane] = slope }
      if isFree {
        level.active[count] = UInt32(i)
        count += 1
      }
    }
    levels[j].activeCount = count
  }

  /// Sets the upper lines of one layer for each lane, and its lower slopes.
  ///
  /// `active` becomes the ReLUs that are ambiguous in some lane. Unused lanes copy the first.
  ///
  /// - Parameters:
  ///   - j: The layer.
  ///   - bounds: One a lane.
  ///   - alpha: Lower slopes for each lane; nil takes the rule's.
  ///   - rule: For lanes without slopes.
  func setLanes(_ j: Int, _ bounds: [LayerBounds], alpha: [[Float]?], _ rule: LowerSlope) {
    let lanes = BoundEngine.lanes
    let level = levels[j]
    for lane in 0..<lanes {
      let source = lane < bounds.count ? lane : 0
      let (low, high, slopes) = (bounds[source].lower, bounds[source].upper, alpha[source])
      for i in 0..<level.count {
        let line = UpperLine(low[i], high[i])
        let place = i * lanes + lane
        level.upper[place] = line.slope
        level.intercept[place] = line.intercept
        if line.intercept > 0 {
          level.lower[place] = slopes.map { Double($0[i]) } ?? rule.slope(low[i], high[i])
        } else {
          level.lower[place] = line.slope
        }
      }
    }
    var count = 0
    for i in 0..<level.count {
      var isFree = false
      for lane in 0..<lanes where level.intercept[i * lanes + lane] > 0 { isFree = true }
      if isFree {
        level.active[count] = UInt32(i)
        count += 1
      }
    }
    levels[j].activeCount = count
  }

  /// All windows whole, as forms of the outputs need them.
  func useWholeWindows() {
    for j in levels.indices { levels[j].window = levels[j].shape.whole }
    inputWindow = input.whole
  }
}

/// The upper line `z <= slope zhat + intercept` of a ReLU between two bounds.
struct UpperLine {
  let slope: Double
  /// Positive exactly where the ReLU is ambiguous.
  let intercept: Double

  @inline(__always)
  init(_ lower: Double, _ upper: Double) {
    if lower >= 0 {
      slope = 1
      intercept = 0
    } else if upper <= 0 {
      slope = 0
      intercept = 0
    } else {
      slope = upper / (upper - lower)
      intercept = -lower * slope
    }
  }
}
