/// Numbers that tell which core gave them out, so that what comes back finds its engine: 8 bits of
/// the core above 56 bits that count.
public struct TaggedNumbers: Sendable {
  private var last: UInt64

  private static let countBits: UInt64 = 56

  /// The numbers of a core; the first one counts 1.
  public init(of core: CoreNumber) {
    last = Self.base(of: core)
  }

  /// One that was not given out yet. There are enough for two thousand years at a million a second.
  public mutating func next() -> UInt64 {
    last += 1
    assert(last & (1 << Self.countBits - 1) != 0, "a core has used up its numbers")
    return last
  }

  /// What a core's number counts from; the tag of the core alone.
  public static func base(of core: CoreNumber) -> UInt64 {
    UInt64(UInt32(bitPattern: core.number)) << countBits
  }

  /// Who gave a number out.
  static func core(of number: UInt64) -> CoreNumber {
    CoreNumber(Int32(number >> Self.countBits))
  }
}

extension RequestID {
  /// The core that the request was handed to.
  public var core: CoreNumber { TaggedNumbers.core(of: number) }
}

extension StepID {
  /// The core that takes the step.
  public var core: CoreNumber { TaggedNumbers.core(of: number) }
}

extension LoadID {
  /// The core that reads.
  public var core: CoreNumber { TaggedNumbers.core(of: number) }
}

extension BatchID {
  /// The core that writes.
  public var core: CoreNumber { TaggedNumbers.core(of: number) }
}

extension DeliveryID {
  /// The core whose machine sends.
  public var core: CoreNumber { TaggedNumbers.core(of: number) }
}

extension MessageQuery {
  /// The core that looks ahead.
  public var core: CoreNumber { part.core }
}

extension DueQuery {
  /// The core that looks ahead.
  public var core: CoreNumber { part.core }
}
