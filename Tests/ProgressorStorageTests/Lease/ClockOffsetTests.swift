import Testing

@testable import ProgressorStorage

@Suite("The offset to the database's clock")
struct ClockOffsetTests {
  @Test("Clocks that agree keep an offset of nothing, however slow the answer is")
  func slowAnswer() {
    var offset = ClockOffset()
    offset.read(database: 1_010, sent: 1_000, received: 1_020)
    offset.read(database: 2_001, sent: 2_000, received: 900_000)
    offset.read(database: 989_999, sent: 900_000, received: 990_000)
    #expect(offset.microseconds == 0 && offset.certainError == 0)
  }

  @Test("A clock that is ahead is followed, as little as a reading demands")
  func ahead() {
    var offset = ClockOffset()
    offset.read(database: 6_000, sent: 1_000, received: 1_100)
    #expect(offset.microseconds == 4_900 && offset.certainError == 4_900)
    offset.read(database: 7_000, sent: 2_000, received: 9_000)
    #expect(offset.microseconds == 4_900 && offset.certainError == 0)
  }

  @Test("A clock that is behind is followed too, and one that is set right again")
  func behind() {
    var offset = ClockOffset()
    offset.read(database: 1_000, sent: 9_000, received: 9_100)
    #expect(offset.microseconds == -8_000 && offset.certainError == 8_000)
    offset.read(database: 20_050, sent: 20_000, received: 20_100)
    #expect(offset.microseconds == -50)
  }

  @Test("A local clock that was set back between question and answer does no harm")
  func setBack() {
    var offset = ClockOffset()
    offset.read(database: 1_000, sent: 1_500, received: 900)
    #expect(offset.microseconds == 0)
  }
}
