import Testing

@testable import ProgressorStorage

@Suite("Where an export goes on")
struct ExportPositionTests {
  @Test("every position is read back from its text")
  func roundTrip() {
    let part = ExportPosition.Partial(
      id: "a:é:", key: 1 << 40, version: 3, lastEventID: 7, sequence: nil, event: 6, attempt: 2)
    var queued = part
    queued.sequence = 5
    for position in [
      ExportPosition.after(""), .after("e\u{301}:"), .at("m", attempt: 4), .within(part),
      .within(queued),
    ] { #expect(ExportPosition(text: position.text) == position) }
  }

  @Test(
    "what nobody wrote is refused",
    arguments: [
      "", "a", "x:m", "t:m", "t:x:m", "w:1:2:3:4:5:m", "w:1:2:3:4:5:x:m", "a:\u{1}", "aa:m",
      "t:-2:m", "t:9223372036854775807:m", "w:1:2:3:4:9223372036854775807:1:m",
      "t:99999999999999999999:m",
    ])
  func refused(text: String) {
    #expect(ExportPosition(text: text) == nil)
  }
}
