import MachineModel
import Testing

@testable import ProgressorEngine

/// What is in memory of the messages that are due has its bound, and a namespace whose targets do
/// not answer keeps no other's from being found (I10, I11).
@Suite("Shares of due messages")
struct MessageSharesTests {
  private func place(_ number: Int64) -> MessagePlace {
    MessagePlace(due: Timestamp(microseconds: number), shard: ShardID(0), number: number)
  }

  /// Offers messages of one namespace, one after the other; answers how many found a place.
  private func offer(
    _ namespace: String, _ numbers: ClosedRange<Int64>, to shares: inout MessageShares
  ) -> Int {
    var taken = 0
    for number in numbers where shares.take(namespace, place(number)) { taken += 1 }
    return taken
  }

  @Test("A namespace has no more than it leaves free, and what it is denied is known by its cut")
  func share() {
    var shares = MessageShares(maximum: 1_000)
    #expect(offer("dead", 1...5_000, to: &shares) == 500)
    #expect(shares.covers("dead", place(500)) && !shares.covers("dead", place(501)))
    #expect(offer("live", 1...100, to: &shares) == 100)
    #expect(shares.covers("live", place(5_000)))
    #expect(!shares.hasLost)
  }

  @Test("However many namespaces are full, the next has some, and all together have a bound")
  func bound() {
    var shares = MessageShares(maximum: 1_000)
    for number in 0..<500 {
      let taken = offer("n\(number)", 1...1_000, to: &shares)
      #expect(number > 50 || taken >= MessageShares.minimum)
      #expect(shares.count <= 2_000)
    }
    #expect(shares.count == 2_000)
    #expect(shares.hasLost, "more are behind than are remembered: all is read anew some time")
    shares.rescan()
    #expect(!shares.hasLost && shares.next == nil)
  }

  @Test("What came later waits behind what was denied before")
  func order() {
    var shares = MessageShares(maximum: 100)
    _ = offer("a", 1...60, to: &shares)
    shares.giveBack("a")
    #expect(offer("a", 90...90, to: &shares) == 0, "there is room, and 51 comes first")
    #expect(offer("a", 0...0, to: &shares) == 1, "what is due earlier is not behind")
  }

  @Test("Who is behind is caught up with when half of its share is free, then is so no more")
  func catchUp() throws {
    var shares = MessageShares(maximum: 100)
    #expect(offer("a", 1...80, to: &shares) == 50)
    #expect(shares.next == nil, "its share is full")
    for _ in 0..<25 { shares.giveBack("a") }
    let name = try #require(shares.next)
    let (cut, room) = shares.begin(name)
    #expect(cut == .before(place(51)) && room == 25)
    shares.caughtUp(to: .after(place(75)), of: .end(of: Timestamp(microseconds: 1_000)))
    #expect(offer("a", 51...75, to: &shares) == 25)
    #expect(shares.next == nil)
    for _ in 0..<50 { shares.giveBack("a") }
    _ = shares.begin(try #require(shares.next))
    let all = Cut<MessagePlace>.end(of: Timestamp(microseconds: 1_000))
    shares.caughtUp(to: all, of: all)
    #expect(offer("a", 76...80, to: &shares) == 5)
    #expect(shares.covers("a", place(1_001)))
  }

  @Test("What comes while it is caught up with is found by the next read")
  func meanwhile() throws {
    var shares = MessageShares(maximum: 100)
    _ = offer("a", 1...60, to: &shares)
    for _ in 0..<50 { shares.giveBack("a") }
    _ = shares.begin(try #require(shares.next))
    #expect(offer("a", 61...61, to: &shares) == 0, "the read may not have seen it")
    let all = Cut<MessagePlace>.end(of: Timestamp(microseconds: 1_000))
    shares.caughtUp(to: all, of: all)
    #expect(offer("a", 51...60, to: &shares) == 10)
    #expect(!shares.covers("a", place(61)))
    let (cut, _) = shares.begin(try #require(shares.next))
    #expect(cut == .before(place(61)))
    shares.caughtUp(to: nil, of: all)
    #expect(!shares.covers("a", place(61)), "a read that brought nothing changes nothing")
  }

  @Test("Those that are behind are caught up with in turn")
  func turns() throws {
    var shares = MessageShares(maximum: 100)
    for name in ["a", "b"] {
      let taken = offer(name, 1...60, to: &shares)
      for _ in 0..<taken { shares.giveBack(name) }
    }
    let all = Cut<MessagePlace>.end(of: Timestamp(microseconds: 1_000))
    var read: [String] = []
    for _ in 0..<4 {
      let name = try #require(shares.next)
      read.append(name.text)
      _ = shares.begin(name)
      shares.caughtUp(to: nil, of: all)
    }
    #expect(read == ["a", "b", "a", "b"])
    #expect(shares.inconsistency([]) == nil)
  }
}
