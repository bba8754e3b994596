import MachineModel
import Testing

@Suite("ExactText")
struct ExactTextTests {
  /// Texts of 16 characters that `String` takes for one: each "é" as one scalar or as two.
  private static func lookalikes(_ count: Int) -> [String] {
    (0..<count).map { number in
      (0..<16).map { number >> $0 & 1 == 0 ? "\u{E9}" : "e\u{301}" }.joined()
    }
  }

  @Test("Texts that look alike have hashes of their own: a crowd of them costs like any other")
  func hashes() {
    let texts = Self.lookalikes(20_000)
    #expect(Set(texts).count == 1)
    #expect(Set(texts.map { ExactText($0) }).count == texts.count)
    // 64 bits: one collision among them is unlikely, a handful impossible.
    #expect(Set(texts.map { ExactText($0).hashValue }).count > texts.count - 5)
    let machines = texts.map { MachineID(namespace: "n", id: $0) }
    #expect(Set(machines.map(\.hashValue)).count > texts.count - 5)
    let namespaces = texts.map { MachineID(namespace: $0, id: "m") }
    #expect(Set(namespaces.map(\.hashValue)).count > texts.count - 5)
  }

  @Test("A machine's namespace and id do not run together in its hash")
  func borders() {
    let borders = (0...12).map { end in
      MachineID(
        namespace: String(repeating: "a", count: end), id: String(repeating: "a", count: 12 - end))
    }
    #expect(Set(borders.map(\.hashValue)).count == borders.count)
    #expect(ExactText("").hashValue != ExactText("\0").hashValue)
    #expect(ExactText("12345678").hashValue != ExactText("12345678\0").hashValue)
  }

  @Test("The order is that of the bytes, as in the database")
  func order() {
    // U+FB01 is "fi" in compatibility forms, U+10000 comes before U+FFFD in UTF-16.
    let texts = ["", "Z", "a", "a\u{301}", "\u{E1}", "\u{FFFD}", "\u{10000}"]
    #expect(texts.reversed().map { ExactText($0) }.sorted().map(\.text) == texts)
    let machines = [("a", "z"), ("a\u{301}", "b"), ("\u{E1}", "a"), ("\u{E1}", "b")].map {
      MachineID(namespace: $0.0, id: $0.1)
    }
    #expect(machines.reversed().sorted() == machines)
  }
}
