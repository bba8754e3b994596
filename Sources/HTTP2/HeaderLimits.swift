/// How large header lists may be, in bytes as RFC 9113 section 6.5.2 counts them: each field's name
/// and value and 32 more.
///
/// A list above `keptListSize` arrives truncated, one above `listSize` ends its stream. So a peer's
/// long words cost it its words, or its call, but never the calls of others.
public struct HeaderLimits: Sendable, Equatable {
  /// SETTINGS_MAX_HEADER_LIST_SIZE, what the peer is told. Well-behaved peers send no larger list,
  /// and many end the call instead of sending it.
  public var announcedListSize = 16 << 10

  /// How much of a list is kept. Fields that do not fit are missing.
  public var keptListSize = 16 << 10

  /// The largest list: one above it ends its stream with ENHANCE_YOUR_CALM. It is decoded to its
  /// end, because the connection's compression depends on it. A client that announces a single
  /// string above it is ended with its connection.
  public var listSize = 1 << 20

  /// Fields that are kept beside `keptListSize`, wherever they stand in the list; of several fields
  /// of a name the first.
  public var essential: [EssentialHeader] = []

  /// The defaults.
  public init() {}

  func essential(named name: UnsafeBufferPointer<UInt8>) -> EssentialHeader? {
    essential.first { essential in
      essential.name.utf8CodeUnitCount == name.count
        && essential.name.withUTF8Buffer { $0.elementsEqual(name) }
    }
  }
}

/// A field without which the others mean nothing.
public struct EssentialHeader: Sendable, Equatable {
  /// In lower case.
  public let name: StaticString
  /// The longest value that is kept, in bytes.
  public let maxValueSize: Int
  /// Whether the beginning of a longer value is kept; if not, the field is missing.
  public let mayBeCut: Bool

  /// Names an essential field.
  public init(_ name: StaticString, maxValueSize: Int, mayBeCut: Bool) {
    self.name = name
    self.maxValueSize = maxValueSize
    self.mayBeCut = mayBeCut
  }

  /// Whether both say the same.
  public static func == (left: EssentialHeader, right: EssentialHeader) -> Bool {
    left.maxValueSize == right.maxValueSize && left.mayBeCut == right.mayBeCut
      && left.name.description == right.name.description
  }
}
