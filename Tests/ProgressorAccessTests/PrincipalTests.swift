import ProgressorAccess
import Testing

@Suite("Principal")
struct PrincipalTests {
  private func named(_ name: String, groups: [String] = []) -> Principal? {
    Principal(credentials: .token, name: name, groups: groups)
  }

  @Test("Credentials give nobody a name that stands for how somebody came")
  func reserved() {
    for name in ["anonymous", "uid:0", "uid:", "uid:x"] { #expect(named(name) == nil) }
    #expect(named("anonymous2") != nil && named("Anonymous") != nil && named("user:uid:0") != nil)
    #expect(Principal.socketPeer(uid: 4_294_967_295).name == "uid:4294967295")
    #expect(Principal.anonymous.name == "anonymous")
  }

  @Test("Names are 1 to 256 bytes without control characters, groups too, 100 at most")
  func names() {
    #expect(named("") == nil && named("a\u{0}b") == nil && named("a\u{7F}") == nil)
    #expect(named(String(repeating: "é", count: 128)) != nil)
    #expect(named(String(repeating: "é", count: 128) + "a") == nil)
    #expect(named("a", groups: [""]) == nil && named("a", groups: ["x\n"]) == nil)
    #expect(named("a", groups: (0..<100).map { "g\($0)" }) != nil)
    #expect(named("a", groups: (0..<101).map { "g\($0)" }) == nil)
  }

  @Test("Names that look alike are two principals")
  func lookalikes() {
    #expect(named("caf\u{E9}") != named("cafe\u{301}"))
    #expect(named("a", groups: ["\u{E9}"]) != named("a", groups: ["e\u{301}"]))
  }
}
