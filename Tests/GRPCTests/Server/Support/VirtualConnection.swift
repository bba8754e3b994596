import HTTP2
import Logging
import NIOCore
import NIOEmbedded

@testable import GRPC

/// A connection of the server whose client is bytes, and whose time is what a test says.
struct VirtualConnection {
  let server: ServerConnection
  let channel: EmbeddedChannel
  let service = TestService()
  private let start = NIODeadline.now()

  init() throws {
    channel = EmbeddedChannel()
    server = try ServerConnection(
      eventLoop: channel.eventLoop, router: service.router,
      configuration: ServerConfiguration(), counters: ServerCounters(),
      inflating: InflateScheduler(eventLoop: channel.eventLoop), peer: PeerIdentity(name: "test"),
      logger: Logger(label: "test"), jitter: 0)
    try server.start(on: channel)
    try channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    try send(RawFrames.preface)
  }

  func send(_ bytes: [UInt8]) throws {
    try channel.writeInbound(ByteBuffer(bytes: bytes))
  }

  /// The time comes, so many seconds after the start.
  func passes(_ seconds: Int64) {
    server.driver.timeCame(now: start + .seconds(seconds))
    channel.embeddedEventLoop.run()
  }

  /// Whether the server has not closed it.
  var isOpen: Bool { channel.isActive }

  /// What left since the last time.
  struct Output {
    /// Bytes of DATA by stream.
    var data: [Int32: Int] = [:]
    /// Streams that were reset.
    var resets: Set<Int32> = []
    /// Streams that were ended by header fields.
    var statuses: Set<Int32> = []
    /// The code of the GOAWAY.
    var goAway: UInt8?
  }

  /// What left since the last time.
  func received() throws -> Output {
    var bytes = ByteBuffer()
    while let part = try channel.readOutbound(as: ByteBuffer.self) {
      bytes.writeImmutableBuffer(part)
    }
    var output = Output()
    while let frame = RawFrames.take(&bytes) {
      if frame.type == 0 { output.data[frame.stream, default: 0] += frame.payload.count }
      if frame.type == 1, frame.flags & 1 != 0 { output.statuses.insert(frame.stream) }
      if frame.resetCode != nil { output.resets.insert(frame.stream) }
      if frame.lastStream != nil { output.goAway = frame.payload[7] }
    }
    return output
  }
}
