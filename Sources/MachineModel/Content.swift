/// Bytes of the user's, opaque to Progressor, with the user's own version number of their format.
public struct Content: Sendable, Hashable {
  public var formatVersion: Int32
  public var data: [UInt8]

  public init(formatVersion: Int32 = 0, data: [UInt8]) {
    self.formatVersion = formatVersion
    self.data = data
  }

  /// An aux state of empty content means "no aux state".
  public var isEmpty: Bool { formatVersion == 0 && data.isEmpty }
}

/// One entry of a machine's history. Ids are 1…n without a gap and are never reused (I3).
public struct Event: Sendable, Hashable {
  public var id: Int64
  public var createdAt: Timestamp
  public var body: Content

  public init(id: Int64, createdAt: Timestamp, body: Content) {
    self.id = id
    self.createdAt = createdAt
    self.body = body
  }
}
