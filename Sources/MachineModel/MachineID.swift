/// The name of a machine: its namespace and its id within it.
public struct MachineID: Sendable, Hashable, Comparable {
  /// The name of the namespace, compared byte by byte. 1 to 256 bytes once validated.
  public var namespace: String
  /// The id within the namespace, compared byte by byte. 1 to 256 bytes once validated.
  public var id: String

  public init(namespace: String, id: String) {
    self.namespace = namespace
    self.id = id
  }

  /// Byte by byte, as the database compares. `String`'s own `==` takes "é" for "e" + U+0301: those
  /// are two machines. The hash is of the bytes too, see ``ExactText``.
  public static func == (a: MachineID, b: MachineID) -> Bool {
    a.id.isExactly(b.id) && a.namespace.isExactly(b.namespace)
  }

  /// By namespace, then id, in the order of their bytes.
  public static func < (a: MachineID, b: MachineID) -> Bool {
    a.namespace.isExactly(b.namespace)
      ? a.id.precedesExactly(b.id) : a.namespace.precedesExactly(b.namespace)
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(exactly: namespace)
    hasher.combine(exactly: id)
  }

  /// Ids, namespace names and idempotency keys: 1 to 256 bytes of UTF-8 without control characters.
  public static let maximumBytes = 256

  /// Throws `INVALID_ARGUMENT` naming `field` unless `text` can be a machine id.
  public static func validate(_ text: String, field: String) throws(ProgressorError) {
    if text.isEmpty { throw .invalidArgument(field: field, "must not be empty") }
    if text.utf8.count > maximumBytes {
      throw .invalidArgument(field: field, "is longer than \(maximumBytes) bytes")
    }
    if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw .invalidArgument(field: field, "contains a control character")
    }
  }
}

/// One of the fixed number of parts into which machines are divided; each has one writer at a time.
public struct ShardID: Sendable, Hashable, Comparable {
  /// From 0 on, below the number of shards of the database.
  public var number: Int32

  public init(_ number: Int32) { self.number = number }

  /// The shard of a machine: FNV-1a, 64 bits, over namespace, a zero byte and id, modulo the number
  /// of shards. The function is part of the stored format: it must never change, and so is not
  /// Swift's `Hasher`, which is seeded per process.
  public init(of machine: MachineID, shards: Int32) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in machine.namespace.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    hash = hash &* 0x0000_0100_0000_01b3
    for byte in machine.id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    self.number = Int32(truncatingIfNeeded: hash % UInt64(shards))
  }

  public static func < (a: ShardID, b: ShardID) -> Bool { a.number < b.number }
}
