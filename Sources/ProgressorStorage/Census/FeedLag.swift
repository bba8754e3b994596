/// How far a consumer of the feed is behind.
public struct FeedLag: Sendable, Hashable {
  /// Its name.
  public var consumer: String
  /// Entries that it has not acknowledged, the ones that it leaves out included.
  public var entries: Int64
  /// Microseconds since the oldest of them was committed; 0 = there are none.
  public var age: Int64

  public init(consumer: String, entries: Int64, age: Int64) {
    self.consumer = consumer
    self.entries = entries
    self.age = age
  }
}
