import MachineModel

/// Entries to be delivered.
enum Sample {
  /// 2026-11-24T22:46:03.250Z.
  static let time = Timestamp(microseconds: 1_795_560_363_250_000)

  /// An id of a machine with everything that is special somewhere: quotes, a backslash, U+2028, a
  /// change of direction, a tag that nobody sees, a control character of C1.
  static let hostile = "q\"\\\u{2028}\u{202E}😀\u{E0041}\u{85}/é"

  static func entry(
    _ sequence: Int64 = 17, _ change: FeedChange = .created, shard: Int32 = 3,
    namespace: String = "orders", machine: String = "o-1", at time: Timestamp = time
  ) -> FeedEntry {
    FeedEntry(
      shard: ShardID(shard), sequence: sequence,
      machine: MachineID(namespace: namespace, id: machine), note: FeedNote(change, at: time))
  }

  /// An entry whose event has so many bytes.
  static func event(_ sequence: Int64 = 17, bytes: Int) -> FeedEntry {
    entry(
      sequence,
      .event(
        Event(id: 1, createdAt: time, body: Content(data: Array(repeating: 0x61, count: bytes)))))
  }

  /// Entries 1, 2, ….
  static func entries(_ count: Int) -> [FeedEntry] { (0..<count).map { entry(Int64($0) + 1) } }
}
