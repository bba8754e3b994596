import CZlib
public import NIOCore

/// The `gzip` message encoding (RFC 1952) by zlib. The only place that knows zlib.
public enum Gzip {
  /// windowBits of zlib that mean "the largest window, with a gzip header" (zlib manual).
  private static let gzipWindowBits: Int32 = 15 + 16

  /// Inflates a message.
  ///
  /// - Parameter limit: the longest result in bytes. It is watched while inflating: memory never
  ///   grows beyond it, whatever the compressed bytes would unfold to.
  /// - Throws: ``FramingError/messageTooLarge(limit:)`` or ``FramingError/corruptCompression``.
  public static func inflate(
    _ message: ByteBuffer, limit: Int
  ) throws(FramingError) -> ByteBuffer {
    guard message.readableBytes > 0, UInt32(exactly: message.readableBytes) != nil else {
      throw .corruptCompression
    }
    var stream = z_stream()
    guard
      inflateInit2_(
        &stream, gzipWindowBits, zlibVersion(), Int32(MemoryLayout<z_stream>.size)) == Z_OK
    else { throw .corruptCompression }
    defer { inflateEnd(&stream) }
    let result = message.withUnsafeReadableBytes { input in
      inflate(&stream, input, limit: limit)
    }
    return try result.get()
  }

  private static func inflate(
    _ stream: inout z_stream, _ input: UnsafeRawBufferPointer, limit: Int
  ) -> Result<ByteBuffer, FramingError> {
    // zlib's input pointer is not const, but it never writes through it.
    stream.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.avail_in = UInt32(input.count)
    var output = ByteBuffer()
    var chunk = min(max(input.count * 4, 512), 1 << 20)
    while true {
      // One byte above the limit may be produced: it is what tells "too long" from "just fits".
      chunk = max(min(chunk, limit - output.readableBytes + 1), 1)
      var status = Z_OK
      output.writeWithUnsafeMutableBytes(minimumWritableBytes: chunk) { space in
        stream.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_out = UInt32(chunk)
        status = CZlib.inflate(&stream, Z_NO_FLUSH)
        return chunk - Int(stream.avail_out)
      }
      if output.readableBytes > limit { return .failure(.messageTooLarge(limit: limit)) }
      switch status {
      case Z_STREAM_END where stream.avail_in == 0:
        return .success(output)
      case Z_STREAM_END:
        // RFC 1952 section 2.2: a file may have several members.
        guard inflateReset(&stream) == Z_OK else { return .failure(.corruptCompression) }
      case Z_OK where stream.avail_out == 0:
        chunk = min(max(output.readableBytes, 512), 16 << 20)
      default:
        return .failure(.corruptCompression)
      }
    }
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
