import NIOCore
import NIOPosix

@testable import GRPC

/// HTTP/2 frames as bytes, for what no proper client sends, or not in one write.
enum RawFrames {
  static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(type: 4)

  static func frame(
    type: UInt8, flags: UInt8 = 0, stream: Int32 = 0, _ payload: [UInt8] = []
  ) -> [UInt8] {
    integer(payload.count, bytes: 3) + [type, flags] + integer(Int(stream), bytes: 4) + payload
  }

  /// HEADERS of a call, its fields as literals.
  static func headers(
    _ stream: Int32, _ path: String, _ more: [(name: String, value: String)] = []
  ) -> [UInt8] {
    let fields = [
      (":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "test"),
      ("content-type", "application/grpc"), ("te", "trailers"),
    ]
    var block: [UInt8] = []
    for (name, value) in fields + more {
      block += [0, UInt8(name.utf8.count)]
      block += Array(name.utf8)
      block += [UInt8(value.utf8.count)]
      block += Array(value.utf8)
    }
    return frame(type: 1, flags: 0x4, stream: stream, block)
  }

  /// HEADERS and the one message of a call.
  static func call(_ stream: Int32, _ path: String, _ message: [UInt8] = []) -> [UInt8] {
    headers(stream, path)
      + frame(type: 0, flags: 0x1, stream: stream, RawClient.frame(message))
  }

  static let ping = frame(type: 6, [UInt8](repeating: 1, count: 8))

  static func pingAcknowledgement(_ payload: [UInt8]) -> [UInt8] {
    frame(type: 6, flags: 0x1, payload)
  }

  static func windowUpdate(_ stream: Int32, _ increment: Int) -> [UInt8] {
    frame(type: 8, stream: stream, integer(increment, bytes: 4))
  }

  /// SETTINGS_INITIAL_WINDOW_SIZE.
  static func initialWindow(_ size: Int) -> [UInt8] {
    frame(type: 4, [0, 4] + integer(size, bytes: 4))
  }

  private static func integer(_ value: Int, bytes: Int) -> [UInt8] {
    (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }

  /// A frame that came.
  struct Received {
    let type: UInt8
    let flags: UInt8
    let stream: Int32
    let payload: [UInt8]

    var isPing: Bool { type == 6 && flags & 1 == 0 }
    /// The last stream of GOAWAY.
    var lastStream: Int32? {
      type == 7 ? payload.prefix(4).reduce(0) { $0 << 8 | Int32($1) } & 0x7fff_ffff : nil
    }
    /// The code of RST_STREAM.
    var resetCode: UInt32? {
      type == 3 ? payload.reduce(0) { $0 << 8 | UInt32($1) } : nil
    }
  }

  /// Takes complete frames off the front.
  static func take(_ bytes: inout ByteBuffer) -> Received? {
    guard let header = bytes.getBytes(at: bytes.readerIndex, length: 9) else { return nil }
    let length = header[0..<3].reduce(0) { $0 << 8 | Int($1) }
    guard bytes.readableBytes >= 9 + length else { return nil }
    bytes.moveReaderIndex(forwardBy: 9)
    return Received(
      type: header[3], flags: header[4],
      stream: header[5..<9].reduce(0) { $0 << 8 | Int32($1) } & 0x7fff_ffff,
      payload: bytes.readBytes(length: length) ?? [])
  }

  /// Connects without any session, lets `body` write, and hands it each frame that comes until it
  /// answers false or the server closes.
  static func connect(
    to address: ServerAddress, first: [UInt8],
    _ body: @escaping (Received) async throws -> (write: [UInt8], goOn: Bool)
  ) async throws {
    guard case .tcp(let host, let port) = address else { return }
    let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
      .connect(host: host, port: port) { channel in
        channel.eventLoop.makeCompletedFuture {
          try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
        }
      }
    try await channel.executeThenClose { inbound, outbound in
      try await outbound.write(ByteBuffer(bytes: preface + first))
      var received = ByteBuffer()
      for try await part in inbound {
        received.writeImmutableBuffer(part)
        while let frame = take(&received) {
          let (bytes, goesOn) = try await body(frame)
          if !bytes.isEmpty { try await outbound.write(ByteBuffer(bytes: bytes)) }
          if !goesOn { return }
        }
      }
    }
  }
}
