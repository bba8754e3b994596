/// Bytes of the user's, opaque to Progressor, with the user's own version number of their format.
public struct Content: Sendable, Hashable {
  /// The user's number for the format of `data`; Progressor hands it on and never reads it.
  public var formatVersion: Int32
  /// The user's bytes. Never read, bounded by the message limit only.
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
  /// Its place in the history; the first is 1.
  public var id: Int64
  /// When the step that wrote it ended; never decreases within a machine.
  public var createdAt: Timestamp
  /// What the processor wrote.
  public var body: Content

  public init(id: Int64, createdAt: Timestamp, body: Content) {
    self.id = id
    self.createdAt = createdAt
    self.body = body
  }
}
