// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CProgressorProto
import CProtobufC
import MachineModel

/// Fields of what has cursors, one per shard at most.
protocol CursorFields {
  var n_cursors: Int { get set }
  var cursors: UnsafeMutablePointer<UnsafeMutablePointer<Progressor__V1__Cursor>?>! { get set }
}

extension CursorFields {
  /// The cursors. Throws if a shard has two.
  func readCursors() throws(ProtobufError) -> [FeedCursor] {
    let all = try FeedCursor.readAll(cursors, count: n_cursors, "cursors")
    var shards: Set<ShardID> = []
    for cursor in all where !shards.insert(cursor.shard).inserted {
      throw .invalid("cursors", "has more than one of shard \(cursor.shard.number)")
    }
    return all
  }

  mutating func setCursors(_ all: [FeedCursor], in arena: inout ProtobufArena) {
    cursors = arena.makeAll(all)
    n_cursors = all.count
  }
}
