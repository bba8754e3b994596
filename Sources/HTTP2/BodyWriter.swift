/// The room for one piece of a body, inside the DATA frame that is being made.
///
/// It cannot be kept: it is only ever lent, for the time of one call.
public struct BodyWriter: ~Copyable {
  private var free: UnsafeMutableRawBufferPointer
  /// How many bytes were written.
  public private(set) var byteCount = 0

  init(_ memory: UnsafeMutableRawBufferPointer) {
    free = memory
  }

  /// How many more bytes fit.
  public var freeCapacity: Int { free.count }

  /// Copies the beginning of `bytes`, as much as fits.
  ///
  /// - Returns: how many bytes were taken.
  public mutating func write(_ bytes: RawSpan) -> Int {
    let count = min(bytes.byteCount, free.count)
    guard count > 0 else { return 0 }
    bytes.withUnsafeBytes { free.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    free = UnsafeMutableRawBufferPointer(rebasing: free[count...])
    byteCount += count
    return count
  }

  /// Writes one byte; false when there is no room.
  public mutating func write(_ byte: UInt8) -> Bool {
    guard let first = free.baseAddress, free.count > 0 else { return false }
    first.storeBytes(of: byte, as: UInt8.self)
    free = UnsafeMutableRawBufferPointer(rebasing: free[1...])
    byteCount += 1
    return true
  }
}
