import MachineModel
import Testing

@Suite("MachineID and ShardID")
struct MachineIDTests {
  @Test(
    "ids are 1 to 256 bytes of UTF-8 without control characters",
    arguments: ["a", "Заказ №1", "🚀", String(repeating: "x", count: 256), " ", "a/b:c"])
  func valid(_ id: String) throws {
    try MachineID.validate(id, field: "id")
  }

  @Test(
    "anything else is INVALID_ARGUMENT naming the field",
    arguments: [
      "", String(repeating: "x", count: 257), "a\nb", "\u{7F}", "a\u{0}b",
      String(repeating: "я", count: 129),
    ])
  func invalid(_ id: String) {
    let error = #expect(throws: ProgressorError.self) {
      try MachineID.validate(id, field: "id")
    }
    #expect(error?.reason == .invalidArgument)
    #expect(error?.message.hasPrefix("id: ") == true)
  }

  @Test("ids are told apart byte by byte, not by what they look like")
  func exactEquality() {
    let forms = ["\u{E0}", "a\u{300}", "a\u{323}\u{307}", "a\u{307}\u{323}"]
    let machines = forms.map { MachineID(namespace: "n", id: $0) }
    #expect(Set(machines).count == forms.count)
    #expect(Set(forms.map { MachineID(namespace: $0, id: "m") }).count == forms.count)
    #expect(machines[0] == MachineID(namespace: "n", id: "\u{E0}"))
  }

  @Test("the shard of a machine never changes: it is part of the stored format")
  func stableShards() {
    let shards = [("orders", "1"), ("orders", "2"), ("n", "Заказ"), ("", "")].map {
      ShardID(of: MachineID(namespace: $0.0, id: $0.1), shards: 1_024).number
    }
    #expect(shards == [431, 866, 297, 991])
  }

  @Test("names are told apart byte by byte, as the database does")
  func exactNames() {
    let composed = "caf\u{E9}"
    let decomposed = "cafe\u{301}"
    #expect(composed == decomposed)
    #expect(ExactText(composed) != ExactText(decomposed))
    #expect(Set([ExactText(composed), ExactText(decomposed), ExactText(composed)]).count == 2)
    #expect(MachineID(namespace: "n", id: composed) != MachineID(namespace: "n", id: decomposed))
  }

  @Test("shards are used evenly, and namespace and id do not run together")
  func spread() {
    var counts = [Int](repeating: 0, count: 16)
    for number in 0..<16_000 {
      let shard = ShardID(of: MachineID(namespace: "n", id: "\(number)"), shards: 16)
      counts[Int(shard.number)] += 1
    }
    #expect(counts.allSatisfy { (800...1_200).contains($0) })
    #expect(
      ShardID(of: MachineID(namespace: "ab", id: "c"), shards: 1 << 20)
        != ShardID(of: MachineID(namespace: "a", id: "bc"), shards: 1 << 20))
  }
}
