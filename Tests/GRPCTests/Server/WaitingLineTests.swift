import Testing

@testable import GRPC

@Suite("A line that may be left from anywhere")
struct WaitingLineTests {
  @Test("serves in order who did not leave")
  func order() {
    var line = WaitingLine<Int>()
    let tickets = (0..<5).map { line.append($0) }
    line.remove(tickets[0])
    line.remove(tickets[3])
    line.remove(tickets[3])
    var served: [Int] = []
    for ticket in [1, 2, 4] {
      served.append(line.first() ?? -1)
      line.remove(tickets[ticket])
    }
    #expect(served == [1, 2, 4] && line.isEmpty)
    #expect(line.first() == nil)
  }

  @Test("keeps nothing of who left, also behind one who stays")
  func memory() {
    var line = WaitingLine<Int>()
    _ = line.append(-1)
    var most = 0
    for number in 0..<100_000 {
      line.remove(line.append(number))
      most = max(most, line.storedCount)
    }
    #expect(line.count == 1 && most <= 70)
    #expect(line.first() == -1)
  }
}
