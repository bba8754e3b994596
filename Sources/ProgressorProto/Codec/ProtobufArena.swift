import CProtobufC

/// Memory for the C form of one message, given out in order and freed all at once.
///
/// protobuf-c has no bound of its own: two bytes on the wire can become forty in memory, and a
/// field that is repeated where it should not be is merged again and again. Past its budget the
/// arena gives out nothing, and protobuf-c gives up.
struct ProtobufArena: ~Copyable {
  /// Bytes that may still be given out.
  private var budget: Int
  /// Whether something was refused: then a failure to decode is ours, not the sender's.
  private(set) var isExhausted = false

  /// The free part of the current block.
  private var next: UnsafeMutableRawPointer
  private var end: UnsafeMutableRawPointer
  /// The newest block from malloc; each begins with a pointer to the one before it.
  private var lastBlock: UnsafeMutableRawPointer?
  private var nextBlockSize = 4096

  /// What C may demand of malloc.
  private static let alignment = 16
  private static let maximumBlockSize = 1 << 20

  /// What most requests need; taken from the stack by `withArena`.
  private static let firstBlockSize = 1024

  private init(firstBlock: UnsafeMutableRawBufferPointer, budget: Int) {
    self.budget = budget
    self.next = firstBlock.baseAddress.unsafelyUnwrapped
    self.end = self.next + firstBlock.count
  }

  deinit {
    var block = lastBlock
    while let current = block {
      block = current.load(as: UnsafeMutableRawPointer?.self)
      current.deallocate()
    }
  }

  /// Calls `body` with an arena that is freed afterwards. `budget` bounds what is given out;
  /// without one (for messages that we make ourselves) memory ends where the process's ends.
  static func withArena<Result, Failure: Error>(
    budget: Int = .max, _ body: (inout ProtobufArena) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeTemporaryAllocation(byteCount: firstBlockSize, alignment: alignment) {
      block throws(Failure) in
      var arena = ProtobufArena(firstBlock: block, budget: budget)
      return try body(&arena)
    }
  }

  /// Uninitialised memory, nil past the budget.
  mutating func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
    guard size >= 0, size <= budget else {
      isExhausted = true
      return nil
    }
    let rounded = (size + Self.alignment - 1) & ~(Self.alignment - 1)
    budget -= min(rounded, budget)
    if rounded <= end - next {
      defer { next += rounded }
      return next
    }
    if rounded > nextBlockSize / 4 {
      // Large: a block of its own, and the current one goes on.
      return addBlock(rounded)
    }
    next = addBlock(nextBlockSize)
    end = next + nextBlockSize
    nextBlockSize = min(nextBlockSize * 2, Self.maximumBlockSize)
    defer { next += rounded }
    return next
  }

  private mutating func addBlock(_ size: Int) -> UnsafeMutableRawPointer {
    let block = UnsafeMutableRawPointer.allocate(
      byteCount: size + Self.alignment, alignment: Self.alignment)
    block.storeBytes(of: lastBlock, as: UnsafeMutableRawPointer?.self)
    lastBlock = block
    return block + Self.alignment
  }

  /// Has protobuf-c decode a message, in its rewritten form if there is one.
  mutating func unpack(
    _ type: UnsafePointer<ProtobufCMessageDescriptor>?, _ rewritten: [UInt8]?,
    or bytes: UnsafeRawBufferPointer
  ) -> UnsafeMutablePointer<ProtobufCMessage>? {
    guard let rewritten else { return unpack(type, bytes) }
    return rewritten.withUnsafeBytes { unpack(type, $0) }
  }

  private mutating func unpack(
    _ type: UnsafePointer<ProtobufCMessageDescriptor>?, _ bytes: UnsafeRawBufferPointer
  ) -> UnsafeMutablePointer<ProtobufCMessage>? {
    withAllocator { allocator in
      protobuf_c_message_unpack(
        type, allocator, bytes.count, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// Calls `body` with an allocator for protobuf-c that takes from this arena and frees nothing.
  mutating func withAllocator<Result>(
    _ body: (UnsafeMutablePointer<ProtobufCAllocator>) -> Result
  ) -> Result {
    withUnsafeMutablePointer(to: &self) { arena in
      var allocator = ProtobufCAllocator(
        alloc: { arena, size in
          arena?.assumingMemoryBound(to: ProtobufArena.self).pointee.allocate(size)
        },
        free: { _, _ in },
        allocator_data: UnsafeMutableRawPointer(arena))
      return body(&allocator)
    }
  }
}
