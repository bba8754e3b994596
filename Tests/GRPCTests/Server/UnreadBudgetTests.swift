import Testing

@testable import GRPC

@Suite("The budget for requests")
struct RequestBudgetTests {
  @Test("gives a call all that leaves free what the others of its connection hold")
  func fits() {
    let budget = RequestBudget(perServer: 100)
    #expect(budget.fits(100, ofCall: 0, held: 0, total: 0))
    #expect(!budget.fits(101, ofCall: 0, held: 0, total: 0))
    #expect(budget.fits(20, ofCall: 0, held: 40, total: 40))
    #expect(!budget.fits(21, ofCall: 0, held: 40, total: 40))
    // The longest message finds room beside calls that hold little.
    #expect(budget.fits(90, ofCall: 2, held: 6, total: 6))
    #expect(!budget.fits(91, ofCall: 2, held: 6, total: 6))
    #expect(budget.fits(60, ofCall: 40, held: 40, total: 40))
    #expect(budget.fits(30, ofCall: 0, held: 0, total: 70))
    #expect(budget.fits(27, ofCall: 1, held: 2, total: 72))
    #expect(!budget.fits(28, ofCall: 1, held: 2, total: 72))
    #expect(budget.fits(-40, ofCall: 40, held: 40, total: 200))
  }

  @Test("leaves something free, however many calls a connection has")
  func share() {
    let budget = RequestBudget(perServer: 1_000)
    var calls = [Int](repeating: 0, count: 30)
    var total = 0
    for _ in 0..<100 {
      for index in calls.indices
      where budget.fits(10, ofCall: calls[index], held: total, total: total) {
        calls[index] += 10
        total += 10
      }
    }
    #expect(total < 520 && calls.allSatisfy { $0 > 0 })
    // Another connection's only call has the rest.
    #expect(budget.fits(1_000 - total, ofCall: 0, held: 0, total: total))
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
