import ArgumentParser
import MachineModel
import Testing

@testable import progressor

@Suite("The feed of a namespace, on the command line")
struct NamespaceFeedTests {
  private func namespace(_ flags: String...) throws -> Namespace {
    var namespace = Namespace(name: "n", processor: ProcessorOptions(endpoint: "h:1"))
    try NamespaceOptions.parse(flags).apply(to: &namespace)
    return namespace
  }

  private func lines(_ namespace: Namespace) -> [String] {
    NamespaceOutput.lines(namespace).map(\.text).filter { $0.hasPrefix("  feed") }
  }

  @Test("What is given is set, and shown")
  func given() throws {
    let namespace = try namespace(
      "--feed", "on", "--feed-bodies", "on", "--feed-retention", "12h", "--feed-max-bytes", "10GiB")
    #expect(
      namespace.feed
        == FeedOptions(
          isEnabled: true, hasBodies: true, retention: 43_200_000_000, maxBytes: 10 << 30))
    #expect(
      lines(namespace) == [
        "  feed           on, with events' data", "  feed kept      12h", "  feed size      10GiB",
      ])
    #expect(
      NamespaceOutput.json(namespace).line.contains(
        #""feed":{"enabled":true,"bodies":true,"retention":"43200s","maxBytes":"10737418240"}"#))
  }

  @Test("What is not given stays as it is, and what is off is shown as such")
  func absent() throws {
    var namespace = try namespace()
    #expect(namespace.feed == FeedOptions())
    #expect(
      lines(namespace) == [
        "  feed           off", "  feed kept      7d (default)",
        "  feed size      no bound (default)",
      ])
    #expect(
      NamespaceOutput.json(namespace).line.contains(
        #""feed":{"enabled":false,"bodies":false,"maxBytes":"0"}"#))
    namespace.feed = FeedOptions(isEnabled: true, hasBodies: true, retention: 1, maxBytes: 2)
    try NamespaceOptions.parse(["--feed-bodies", "off"]).apply(to: &namespace)
    #expect(namespace.feed == FeedOptions(isEnabled: true, retention: 1, maxBytes: 2))
    #expect(lines(namespace).first == "  feed           on, without events' data")
  }

  @Test("What is no switch, time or size is refused with its flag")
  func wrong() throws {
    for (flag, value) in [
      ("--feed", "yes"), ("--feed-retention", "soon"), ("--feed-max-bytes", "10GB"),
    ] {
      let error = #expect(throws: (any Error).self) { try namespace(flag, value) }
      #expect(NamespaceOptions.fullMessage(for: try #require(error)).contains(flag), "\(flag)")
    }
  }

  @Test("--reset feed takes it all back")
  func reset() throws {
    let update = try UpdateNamespaceCommand.parse(["n", "--reset", "feed"])
    #expect(update.reset == [.feed])
  }
}
