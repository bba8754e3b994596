import NIOCore
import Testing

@testable import GRPC

/// The client's frames are bytes, and time is what the tests say.
@Suite("Frames that a client begins and does not end")
struct ServerUnfinishedFrameTests {
  private static let call = RawFrames.headers(1, "/test.Test/Hold")
  /// A header block without END_HEADERS, and pieces that go on with it.
  private static let block = RawFrames.frame(type: 1, stream: 1, [0x83])
  private static let more = RawFrames.frame(type: 9, stream: 1, [0x86])
  /// The beginning of DATA of 16,384 bytes.
  private static let data = Array(
    RawFrames.frame(type: 0, stream: 1, [UInt8](repeating: 0, count: 16_384)).prefix(9))

  @Test(
    "end the connection after a minute of silence",
    arguments: [
      block, Array(block.dropLast()), block + more, Array(RawFrames.ping.prefix(4)),
      Array(RawFrames.ping.dropLast()), Array(RawFrames.frame(type: 0xbe, [1, 2]).dropLast()),
    ])
  func silence(bytes: [UInt8]) throws {
    let connection = try VirtualConnection()
    try connection.send(RawFrames.ping + bytes)
    connection.passes(50)
    #expect(try connection.received().goAway == nil && connection.isOpen)
    connection.passes(70)
    #expect(try connection.received().goAway == 0xb && !connection.isOpen)
  }

  @Test("end it also when bytes drip, one by one, or frame by frame of a header block")
  func drip() throws {
    for (first, next) in [(Self.block, Self.more), (Array(RawFrames.ping.prefix(1)), [0])] {
      let connection = try VirtualConnection()
      try connection.send(first)
      for second in [20, 40] {
        connection.passes(Int64(second))
        try connection.send(next)
        #expect(connection.isOpen)
      }
      connection.passes(70)
      #expect(!connection.isOpen)
    }
  }

  @Test("which are DATA of an open call are for its pace to judge, and then have a minute more")
  func dataOfCall() throws {
    let connection = try VirtualConnection()
    try connection.send(Self.call + Self.data + [0, 0, 0, 0x40, 0])
    connection.passes(50)
    try connection.send([UInt8](repeating: 0, count: 1_024))
    connection.passes(70)
    #expect(try connection.received().statuses.isEmpty && connection.isOpen)
    connection.passes(90)
    connection.passes(140)
    let received = try connection.received()
    #expect(received.statuses == [1] && received.goAway == nil && connection.isOpen)
    try connection.send([0])  // Looks like life to keepalive.
    connection.passes(220)
    #expect(try connection.received().goAway == 0xb && !connection.isOpen)
  }

  @Test("which are DATA of a call that is over end the connection, however they drip")
  func dataOfNobody() throws {
    let connection = try VirtualConnection()
    try connection.send(
      RawFrames.call(1, "/test.Test/Echo") + RawFrames.headers(3, "/test.Test/Hold")
        + RawFrames.frame(type: 3, stream: 3, [0, 0, 0, 8])
        + Array(RawFrames.frame(type: 0, stream: 3, [UInt8](repeating: 0, count: 99)).prefix(10)))
    connection.passes(40)
    try connection.send([0])
    #expect(connection.isOpen)
    connection.passes(70)
    #expect(try connection.received().goAway == 0xb && !connection.isOpen)
  }
}
