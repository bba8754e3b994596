import Testing

@testable import GRPC

@Suite("The budget for requests")
struct RequestBudgetTests {
  @Test("gives a connection as much as it leaves free, and its only call all there is")
  func fits() {
    let budget = RequestBudget(perServer: 100)
    #expect(budget.fits(100, ofCall: 0, held: 0, total: 0))
    #expect(!budget.fits(101, ofCall: 0, held: 0, total: 0))
    #expect(budget.fits(10, ofCall: 0, held: 40, total: 40))
    #expect(!budget.fits(11, ofCall: 0, held: 40, total: 40))
    #expect(budget.fits(60, ofCall: 40, held: 40, total: 40))
    #expect(budget.fits(30, ofCall: 0, held: 0, total: 70))
    #expect(!budget.fits(16, ofCall: 1, held: 2, total: 70))
    #expect(budget.fits(-40, ofCall: 40, held: 40, total: 200))
  }
}

@Suite("The budget for answers that are not read")
struct UnreadBudgetTests {
  @Test("bounds a connection and the server, and leaves as much free as a connection holds")
  func fits() {
    let narrow = UnreadBudget(perConnection: 40, perServer: 100)
    #expect(narrow.fits(40, held: 0, total: 0) && !narrow.fits(41, held: 0, total: 0))
    // Alone it may have half of the server's.
    let wide = UnreadBudget(perConnection: 90, perServer: 100)
    #expect(wide.fits(10, held: 40, total: 40) && !wide.fits(11, held: 40, total: 40))
    // Others hold 70: half of the rest.
    #expect(wide.fits(15, held: 0, total: 70) && !wide.fits(16, held: 0, total: 70))
    #expect(!wide.fits(1, held: 30, total: 100))
  }

  @Test("however many connections take what they can, there is something left for one more")
  func share() {
    let budget = UnreadBudget(perConnection: 64 << 20, perServer: 512 << 20)
    var total = 0
    for _ in 0..<200 {
      var held = 0
      while budget.fits(64 << 10, held: held, total: total) {
        held += 64 << 10
        total += 64 << 10
      }
    }
    #expect(total < 512 << 20)
    #expect(budget.fits(1_000, held: 0, total: total))
  }

  @Test("expects of a method what it answered lately, and forgets a single long answer")
  func expected() {
    var sizes = ExpectedSizes()
    #expect(sizes["/a"] == 0)
    sizes.answered("/a", 1_000)
    #expect(sizes["/a"] == 0)
    sizes.answered("/a", 8 << 20)
    #expect(sizes["/a"] == 8 << 20 && sizes["/b"] == 0)
    sizes.answered("/a", 100)
    #expect(sizes["/a"] < 8 << 20 && sizes["/a"] > 6 << 20)
    for _ in 0..<60 { sizes.answered("/a", 100) }
    #expect(sizes["/a"] == 0)
  }
}
