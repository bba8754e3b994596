import NIOCore
import NIOEmbedded
import Testing

@testable import GRPC

@Suite("Inflating in slices")
struct InflateSchedulerTests {
  /// Remembers what it was told.
  final class Owner: InflateOwner {
    /// Stands for a connection of its own; nil = the one that all others share.
    var connection: Owner?
    var limit = Int.max
    /// What was held after each step.
    var held: [Int] = []
    var ends: [InflateJob.End] = []

    var inflateLane: ObjectIdentifier {
      connection.map { ObjectIdentifier($0) } ?? ObjectIdentifier(Owner.self)
    }

    func mayHold(_ bytes: Int) -> Bool {
      held.append(bytes)
      return bytes <= limit
    }

    func inflationEnded(_ end: InflateJob.End) { ends.append(end) }

    /// The length of the message, once it was inflated.
    var length: Int? {
      guard case .inflated(let message)? = ends.first else { return nil }
      return message.readableBytes
    }
  }

  let loop = EmbeddedEventLoop()
  let inflating: InflateScheduler

  init() {
    inflating = InflateScheduler(eventLoop: loop)
  }

  private func bomb(_ size: Int) throws -> ByteBuffer {
    try #require(Gzip.deflate(ByteBuffer(repeating: 0, count: size)))
  }

  @Test("has a small message at once")
  func small() throws {
    let owner = Owner()
    guard
      case .ended(.inflated(let message)) = inflating.begin(
        try bomb(1_000), limit: 1_000, owner: owner)
    else {
      Issue.record("it goes on")
      return
    }
    #expect(message == ByteBuffer(repeating: 0, count: 1_000))
  }

  @Test("takes no more bytes in a slice than it may, however many messages there are")
  func bytesPerSlice() throws {
    let owners = (0..<10).map { _ in Owner() }
    let message = try bomb(1 << 20)
    for owner in owners {
      guard case .goesOn = inflating.begin(message, limit: 1 << 20, owner: owner) else {
        Issue.record("a message of 1 MiB takes several inflating")
        return
      }
    }
    func total() -> Int { owners.reduce(0) { $0 + ($1.held.last ?? message.readableBytes) } }
    var sliceCount = 0
    var before = total()
    while owners.contains(where: { $0.ends.isEmpty }), sliceCount < 100 {
      loop.advanceTime(by: InflateScheduler.pause)
      sliceCount += 1
      #expect(total() - before <= InflateScheduler.bytesPerSlice + owners.count)
      before = total()
    }
    #expect(owners.allSatisfy { $0.length == 1 << 20 })
    // In the order in which they came.
    #expect((39...45).contains(sliceCount))
  }

  @Test("counts steps that bring nothing: members without content")
  func emptyMembers() throws {
    let member = Array(try bomb(0).readableBytesView)
    let message = ByteBuffer(bytes: (0..<5_000).flatMap { _ in member })
    let owner = Owner()
    guard case .goesOn = inflating.begin(message, limit: 10, owner: owner) else {
      Issue.record("5,000 members take several inflating")
      return
    }
    var sliceCount = 0
    while owner.ends.isEmpty, sliceCount < 100 {
      loop.advanceTime(by: InflateScheduler.pause)
      sliceCount += 1
    }
    #expect(owner.length == 0 && sliceCount >= 5)
  }

  @Test("ends what its owner may not hold, what is broken and what nobody wants")
  func ends() throws {
    let (refused, broken, gone, last) = (Owner(), Owner(), Owner(), Owner())
    refused.limit = 300 << 10
    let message = try bomb(1 << 20)
    _ = inflating.begin(message, limit: 1 << 20, owner: refused)
    _ = inflating.begin(message, limit: 1_000, owner: broken)
    if case .goesOn(let job) = inflating.begin(message, limit: 1 << 20, owner: gone) {
      job.cancel()
    }
    _ = inflating.begin(message, limit: 1 << 20, owner: last)
    for _ in 0..<10 { loop.advanceTime(by: InflateScheduler.pause) }
    guard case .refused? = refused.ends.first, case .failed(let error)? = broken.ends.first else {
      Issue.record("both end")
      return
    }
    #expect(error == .messageTooLarge(limit: 1_000))
    #expect(gone.ends.isEmpty && last.length == 1 << 20)
  }

  @Test("lets a connection's messages wait for each other, and for no other connection's")
  func lanes() throws {
    let message = try bomb(1 << 20)
    let crowd = (0..<100).map { _ in Owner() }
    for owner in crowd { _ = inflating.begin(message, limit: 1 << 20, owner: owner) }
    let (bystander, large) = (Owner(), Owner())
    bystander.connection = bystander
    large.connection = large
    loop.advanceTime(by: InflateScheduler.pause)
    guard case .goesOn = inflating.begin(message, limit: 1 << 20, owner: large),
      case .goesOn = inflating.begin(try bomb(1_000), limit: 1_000, owner: bystander)
    else {
      Issue.record("the slice is used up")
      return
    }
    loop.advanceTime(by: InflateScheduler.pause)
    #expect(bystander.length == 1_000)
    for _ in 0..<10 { loop.advanceTime(by: InflateScheduler.pause) }
    #expect(large.length == 1 << 20)
    #expect(crowd.contains { $0.ends.isEmpty })
  }

  @Test("keeps nothing of what nobody wants any more, wherever it stands in line")
  func cancelled() throws {
    let message = try bomb(1 << 20)
    _ = inflating.begin(message, limit: 1 << 20, owner: Owner())
    var jobs: [InflateJob] = []
    for _ in 0..<10 {
      if case .goesOn(let job) = inflating.begin(message, limit: 1 << 20, owner: Owner()) {
        jobs.append(job)
      }
    }
    #expect(jobs.count == 10 && jobs.allSatisfy { $0.heldBytes > 0 })
    for job in jobs { job.cancel() }
    #expect(jobs.allSatisfy { $0.heldBytes == 0 })
  }
}
