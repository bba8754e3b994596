import CZlib
public import NIOCore

/// The `gzip` message encoding (RFC 1952) by zlib. The only file that knows zlib.
public enum Gzip {
  /// windowBits of zlib that mean "the largest window, with a gzip header" (zlib manual).
  fileprivate static let gzipWindowBits: Int32 = 15 + 16

  /// Inflates a message at once.
  ///
  /// - Parameter limit: the longest result in bytes. It is watched while inflating: memory never
  ///   grows beyond it, whatever the compressed bytes would unfold to.
  /// - Throws: ``FramingError/messageTooLarge(limit:)`` or ``FramingError/corruptCompression``.
  public static func inflate(
    _ message: ByteBuffer, limit: Int
  ) throws(FramingError) -> ByteBuffer {
    let inflation = try Inflation(message, limit: limit)
    while try !inflation.step(.max) {}
    return inflation.output
  }

  /// Deflates a message at the default level; nil if zlib cannot (no memory, over 4 GiB): send
  /// it plain then.
  public static func deflate(_ message: ByteBuffer) -> ByteBuffer? {
    var stream = z_stream()
    guard
      deflateInit2_(
        &stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzipWindowBits, 8, Z_DEFAULT_STRATEGY,
        zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { return nil }
    defer { deflateEnd(&stream) }
    let bound = Int(deflateBound(&stream, UInt(message.readableBytes)))
    guard UInt32(exactly: bound) != nil else { return nil }
    var output = ByteBuffer()
    var status = Z_OK
    output.writeWithUnsafeMutableBytes(minimumWritableBytes: bound) { space in
      message.withUnsafeReadableBytes { input in
        stream.next_in = UnsafeMutablePointer(
          mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.avail_in = UInt32(input.count)
        stream.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(bound)
        status = CZlib.deflate(&stream, Z_FINISH)
        return bound - Int(stream.avail_out)
      }
    }
    return status == Z_STREAM_END ? output : nil
  }
}

/// A message that is inflated in steps, so that nothing else waits for the whole of it.
final class Inflation {
  private let message: ByteBuffer
  private let limit: Int
  private var consumed = 0
  /// At an address of its own: zlib's state points back to it.
  private let stream: UnsafeMutablePointer<z_stream>

  /// What came out so far.
  private(set) var output = ByteBuffer()
  /// What was done so far, in bytes that came in or out; a step counts for some by itself, because
  /// members without content come by the thousand.
  private(set) var work = 0
  private static let workOfStep = 256

  /// - Parameter limit: the longest result in bytes.
  init(_ message: ByteBuffer, limit: Int) throws(FramingError) {
    self.message = message
    self.limit = limit
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    guard message.readableBytes > 0, UInt32(exactly: message.readableBytes) != nil,
      inflateInit2_(
        stream, Gzip.gzipWindowBits, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .corruptCompression }
  }

  deinit {
    // Without effect on a stream that was never set up.
    inflateEnd(stream)
    stream.deallocate()
  }

  /// The bytes that it holds.
  var heldBytes: Int { message.readableBytes + output.readableBytes }

  /// Goes on by at most `maximum` bytes, of what comes in and of what comes out, at least one.
  ///
  /// - Returns: whether the message is complete.
  func step(_ maximum: Int) throws(FramingError) -> Bool {
    // One byte above the limit may be produced: it is what tells "too long" from "just fits".
    let room = limit - output.readableBytes + 1
    let usual = min(max(message.readableBytes * 4, output.readableBytes, 512), 16 << 20)
    let chunk = max(min(maximum, usual, room), 1)
    let before = consumed + output.readableBytes
    let status = produce(chunk, input: max(maximum, 1))
    work += consumed + output.readableBytes - before + Self.workOfStep
    if output.readableBytes > limit { throw .messageTooLarge(limit: limit) }
    switch status {
    case Z_STREAM_END where consumed == message.readableBytes:
      return true
    case Z_STREAM_END:
      // RFC 1952 section 2.2: a file may have several members.
      guard inflateReset(stream) == Z_OK else { throw .corruptCompression }
      return false
    case Z_OK where stream.pointee.avail_out == 0 || consumed < message.readableBytes:
      return false
    default:
      throw .corruptCompression
    }
  }

  private func produce(_ chunk: Int, input maximum: Int) -> Int32 {
    message.withUnsafeReadableBytes { input in
      // zlib's input pointer is not const, but it never writes through it.
      let next = input.baseAddress?.advanced(by: consumed)
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: next?.assumingMemoryBound(to: UInt8.self))
      let given = min(input.count - consumed, maximum)
      stream.pointee.avail_in = UInt32(given)
      var status = Z_OK
      output.writeWithUnsafeMutableBytes(minimumWritableBytes: chunk) { space in
        stream.pointee.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(chunk)
        status = CZlib.inflate(stream, Z_NO_FLUSH)
        return chunk - Int(stream.pointee.avail_out)
      }
      consumed += given - Int(stream.pointee.avail_in)
      return status
    }
  }
}
