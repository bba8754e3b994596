import Testing

@testable import ProgressorSinks

@Suite struct KafkaTopicTests {
  @Test(arguments: [
    ("progressor.{namespace}", "orders", "progressor.orders"),
    ("progressor.{namespace}", "my_orders-2.eu", "progressor.my_orders-2.eu"),
    ("all", "orders", "all"),
    ("{namespace}.{namespace}", "a", "a.a"),
    ("p.{namespace}", "a b/c", "p.a_.20b_.2Fc"),
    ("p.{namespace}", "é", "p._.C3_.A9"),
    ("p.{namespace}", "{namespace}", "p._.7Bnamespace_.7D"),
    // What is legal and looks like an escape.
    ("p.{namespace}", "a_.20b", "p.a_.5F.20b"),
    // What Kafka does not allow, or keeps for itself.
    ("{namespace}", ".", "_.2E"),
    ("{namespace}", "..", "_.2E_.2E"),
    ("{namespace}", "__consumer_offsets", "_.5F_consumer_offsets"),
    ("{namespace}", "_a", "_a"),
  ])
  func aNamespaceHasATopic(pattern: String, namespace: String, topic: String) {
    let name = KafkaTopic(pattern).name(of: namespace)
    #expect(name == topic)
    #expect(KafkaTopic.problem(of: name) == nil)
  }

  @Test func noTwoNamespacesShareOne() {
    let letters = ["_", ".", "a", " ", "2", "0", "5", "F", "\u{301}", "é"]
    var namespaces = letters
    for _ in 1...3 {
      namespaces += namespaces.suffix(1_000).flatMap { name in letters.map { name + $0 } }
    }
    let names = Set(namespaces.map { Array($0.utf8) })
    for pattern in ["{namespace}", "_{namespace}", ".{namespace}", "p.{namespace}.s"] {
      let topic = KafkaTopic(pattern)
      let topics = Set(names.map { topic.name(of: String(decoding: $0, as: UTF8.self)) })
      #expect(topics.count == names.count)
      #expect(topics.allSatisfy { KafkaTopic.problem(of: $0) == nil })
    }
  }

  @Test func aNameMayBeTooLong() {
    let topic = KafkaTopic("p.{namespace}")
    let longest = topic.name(of: String(repeating: "n", count: 247))
    #expect(KafkaTopic.problem(of: longest) == nil)
    #expect(KafkaTopic.problem(of: longest + "n") == "is longer than 249 bytes")
  }
}
