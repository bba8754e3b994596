import MachineModel
import Testing

@testable import GRPC

@Suite("A connection that ends in order tells its client the truth")
struct DrainStateTests {
  @Test("serves everything until the read that brings the answer is over")
  func order() {
    var state = DrainState()
    #expect(state.opened(1) == true)
    #expect(state.endedRead() == nil)
    #expect(state.announce() == true)
    #expect(state.announce() == false)
    state.receivedAnswer()
    #expect(state.endedRead() == nil, "nothing was asked yet")
    #expect(state.sentAnnouncement() == true)
    #expect(state.sentAnnouncement() == false)
    #expect(state.opened(3) == true)
    #expect(state.endedRead() == nil)
    state.receivedAnswer()
    #expect(state.opened(5) == true)
    #expect(state.endedRead() == 5)
    #expect(state.conclude() == nil)
    #expect(state.opened(7) == false)
    #expect(state.opened(5) == true)
  }

  @Test("is silent about an announcement that leaves after the final word")
  func late() {
    var state = DrainState()
    _ = state.announce()
    #expect(state.conclude() == 0)
    #expect(state.sentAnnouncement() == false)
  }

  @Test(
    "In any order of streams, answers, reads and GOAWAYs a stream is served if GOAWAY says so only",
    arguments: 0..<400)
  func simulation(seed: Int) throws {
    var world = DrainSimulation(seed: UInt64(seed))
    world.run()
    let last = try #require(world.lastTold, "the client hears the final word")
    #expect(world.served == world.sent.filter { $0 <= last })
    #expect(world.refused.allSatisfy { $0 > last })
    #expect(world.sawAnnouncementFirst)
    // With an answer nothing is lost that was sent before the client knew.
    if !world.gaveUpWaiting { #expect(world.sentUnknowing.allSatisfy { $0 <= last }) }
  }
}

/// A client and a server with a wire of bytes between them, which reads cut anywhere.
private struct DrainSimulation {
  private enum FromClient {
    case headers(Int32)
    case answer
  }
  private enum FromServer {
    case announcement
    case ping
    case final(Int32)
  }

  private var random: SeededRandom
  private var state = DrainState()
  /// Frames with the bytes of each that did not arrive yet.
  private var toServer: [(frame: FromClient, bytes: Int)] = []
  private var unsent: [FromServer] = []
  private var toClient: [(frame: FromServer, bytes: Int)] = []
  private var nextStream: Int32 = 1
  private var knowsEnd = false

  private(set) var sent: [Int32] = []
  private(set) var sentUnknowing: [Int32] = []
  private(set) var served: [Int32] = []
  private(set) var refused: [Int32] = []
  private(set) var lastTold: Int32?
  private(set) var gaveUpWaiting = false
  private(set) var sawAnnouncementFirst = true

  init(seed: UInt64) { random = SeededRandom(seed: seed) }

  mutating func run() {
    for step in 0..<400 {
      switch random.below(12) {
      case 0...3: openStream()
      case 4...6: serverReads(random.below(40) + 1)
      case 7...8: serverWrites()
      case 9...10: clientReads(random.below(30) + 1)
      default:
        if step > 20, state.announce() { unsent.append(.announcement) }
        if step > 200, random.below(4) == 0 { giveUp() }
      }
    }
    if state.announce() { unsent.append(.announcement) }
    for _ in 0..<3 {
      serverWrites()
      clientReads(.max)
      serverReads(.max)
    }
    giveUp()
    serverWrites()
    clientReads(.max)
    serverReads(.max)
  }

  /// A client need not stop at an announcement, and some do not.
  private mutating func openStream() {
    guard lastTold == nil, !knowsEnd || random.below(3) == 0 else { return }
    sent.append(nextStream)
    if !knowsEnd { sentUnknowing.append(nextStream) }
    toServer.append((.headers(nextStream), 9 + random.below(20)))
    nextStream += 2
  }

  /// The frames that are complete when so many bytes more have arrived.
  private static func take<Frame>(
    _ count: Int, of frames: inout [(frame: Frame, bytes: Int)]
  ) -> [Frame] {
    var (left, complete) = (count, 0)
    while left > 0, complete < frames.count {
      let step = min(left, frames[complete].bytes)
      left -= step
      frames[complete].bytes -= step
      guard frames[complete].bytes == 0 else { break }
      complete += 1
    }
    defer { frames.removeFirst(complete) }
    return frames.prefix(complete).map(\.frame)
  }

  private mutating func serverReads(_ count: Int) {
    for frame in Self.take(count, of: &toServer) {
      switch frame {
      case .headers(let id): if state.opened(id) { served.append(id) } else { refused.append(id) }
      case .answer: state.receivedAnswer()
      }
    }
    if let last = state.endedRead() { unsent.append(.final(last)) }
  }

  private mutating func serverWrites() {
    while !unsent.isEmpty {
      let frame = unsent.removeFirst()
      toClient.append((frame, 17))
      if case .announcement = frame, state.sentAnnouncement() { unsent.insert(.ping, at: 0) }
    }
  }

  private mutating func clientReads(_ count: Int) {
    for frame in Self.take(count, of: &toClient) {
      switch frame {
      case .announcement: knowsEnd = true
      case .ping:
        if !knowsEnd { sawAnnouncementFirst = false }
        toServer.append((.answer, 17))
      case .final(let last): lastTold = last
      }
    }
  }

  private mutating func giveUp() {
    guard let last = state.conclude() else { return }
    gaveUpWaiting = true
    unsent.append(.final(last))
  }
}
