import MachineModel
import NIOPosix
import NIOSSL
import Testing

@testable import ProgressorSinks

@Suite("Delivery to a webhook", .timeLimit(.minutes(1)))
struct WebhookTargetTests {
  @Test("entries arrive in their order, as many in a request as may be")
  func order() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      let receipt = try await Sink(url, batch: 2).deliver(Sample.entries(5))
      #expect(receipt == SinkReceipt(outcomes: Array(repeating: .delivered, count: 5)))
      #expect(receiver.requests.map(\.ids) == [["3-1", "3-2"], ["3-3", "3-4"], ["3-5"]])
      #expect(receiver.connections.all == 1, "the connection is used again")
    }
  }

  @Test("nothing to deliver is delivered without a request")
  func empty() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      let receipt = try await Sink(url).deliver([])
      #expect(receipt == SinkReceipt(outcomes: []))
      #expect(receiver.requests.isEmpty)
    }
  }

  @Test("a request says what it is and where it comes from, and goes where the address says")
  func head() async throws {
    try await Receiver.with { _, _ in
      .status(204, bodyBytes: 0)
    } _: { receiver, url in
      _ = try await Sink(url + "?key=1").deliver([Sample.entry()])
      let request = try #require(receiver.requests.first)
      #expect(request.uri == "/hook?key=1")
      #expect(
        request.headers["content-type"] == ["application/cloudevents-batch+json; charset=utf-8"])
      #expect(request.headers["user-agent"] == ["progressor/test"])
      #expect(request.headers["webhook-timestamp"] == ["1795560363"])
      #expect(request.headers["webhook-signature"].isEmpty)
      #expect(request.headers["accept-encoding"].isEmpty)
    }
  }

  @Test("with a secret the body is signed with the id and the time that stand beside it")
  func signature() async throws {
    let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      _ = try await Sink(url, secret: secret).deliver([Sample.entry(machine: Sample.hostile)])
      let request = try #require(receiver.requests.first)
      let id = try #require(request.headers.first(name: "webhook-id"))
      let time = try #require(
        request.headers.first(name: "webhook-timestamp").flatMap { Int64($0) })
      #expect(
        request.headers["webhook-signature"]
          == [secret.signature(id: id, timestamp: time, body: request.body)])
    }
  }

  @Test("the same batch comes again under the same id, another one under another")
  func ids() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      let sink = try Sink(url)
      for count in [2, 2, 3] { _ = await sink.deliver(Sample.entries(count)) }
      let ids = receiver.requests.compactMap { $0.headers.first(name: "webhook-id") }
      #expect(ids[0] == ids[1] && ids[1] != ids[2])
      #expect(ids.allSatisfy { $0.hasPrefix("msg_3-1_") && $0.utf8.count == 24 }, "\(ids)")
    }
  }

  @Test(
    "any answer but 2xx leaves what it was for pending, and all behind it",
    arguments: [300, 304, 400, 401, 404, 410, 422, 429, 500, 503])
  func refused(code: Int) async throws {
    try await Receiver.with { number, _ in
      .status(number == 0 ? 200 : code, bodyBytes: code == 304 ? 0 : 2)
    } _: {
      receiver, url in
      let receipt = try await Sink(url, batch: 2).deliver(Sample.entries(5))
      #expect(receipt.outcomes == [.delivered, .delivered, .pending, .pending, .pending])
      let failure = try #require(receipt.failure)
      #expect(failure.description.hasPrefix("127.0.0.1:"))
      #expect(failure.description.contains(" answered \(code)"))
      #expect(failure.retryAfter == nil)
      #expect(receiver.requests.count == 2)
    }
  }

  @Test("a redirect is not followed")
  func redirect() async throws {
    try await Receiver.with { _, _ in
      .status(307, [("location", "/elsewhere")])
    } _: {
      receiver, url in
      let receipt = try await Sink(url).deliver([Sample.entry()])
      #expect(receipt.outcomes == [.pending])
      #expect(receipt.failure?.description.hasSuffix("307: redirects are not followed") == true)
      #expect(receiver.requests.map(\.uri) == ["/hook"])
    }
  }

  @Test(
    "when the receiver says when to come again, that is handed on",
    arguments: [
      ("120", Duration.seconds(120)), ("Tue, 24 Nov 2026 22:46:04 GMT", .milliseconds(750)),
      ("soon", nil),
    ])
  func retryAfter(value: String, expected: Duration?) async throws {
    try await Receiver.with { _, _ in
      .status(503, [("retry-after", value)])
    } _: { _, url in
      let receipt = try await Sink(url).deliver([Sample.entry()])
      #expect(receipt.failure?.retryAfter == expected)
    }
  }
}

@Suite("Entries that are too large for a webhook", .timeLimit(.minutes(1)))
struct LargeWebhookEntriesTests {
  /// Answers 413 to what has more bytes.
  private func limited(to bytes: Int) -> @Sendable (Int, Receiver.Request) -> Receiver.Answer {
    { _, request in .status(request.body.count > bytes ? 413 : 200) }
  }

  @Test("a batch that is too large is halved until it is not, and its order stays")
  func halving() async throws {
    let entries = Sample.entries(40)
    try await Receiver.with(limited(to: 2500)) { receiver, url in
      let receipt = try await Sink(url).deliver(entries)
      #expect(receipt == SinkReceipt(outcomes: Array(repeating: .delivered, count: 40)))
      let taken = receiver.requests.filter { $0.body.count <= 2500 }
      #expect(taken.flatMap(\.ids) == entries.map { CloudEvent($0).id })
      #expect(receiver.requests.count - taken.count <= 4, "what is known to be too much stays so")
    }
  }

  @Test("an entry that is too large alone is parked, those around it arrive")
  func parking() async throws {
    let entries = [
      Sample.entry(1), Sample.event(2, bytes: 100_000), Sample.entry(3), Sample.entry(4),
    ]
    try await Receiver.with(limited(to: 2500)) { receiver, url in
      let receipt = try await Sink(url).deliver(entries)
      #expect(receipt.failure == nil)
      #expect(receipt.outcomes[0] == .delivered)
      #expect(Array(receipt.outcomes[2...]) == [.delivered, .delivered])
      guard case .parked(let why) = receipt.outcomes[1] else {
        Issue.record("\(receipt.outcomes)")
        return
      }
      #expect(why.hasPrefix("127.0.0.1:") && why.contains("413"), "\(why)")
      #expect(receiver.requests.last?.ids == ["3-3", "3-4"], "small ones go together again")
    }
  }

  @Test("an answer of 413 counts although the body was not read")
  func early() async throws {
    try await Receiver.with(early: 413) { _, _ in
      .nothing
    } _: { _, url in
      let receipt = try await Sink(url).deliver([Sample.event(bytes: 1 << 20)])
      guard case .parked = receipt.outcomes[0] else {
        Issue.record("\(receipt)")
        return
      }
    }
  }

  @Test("a small entry is not parked: whoever refuses it means something else")
  func small() async throws {
    try await Receiver.with(limited(to: 0)) { _, url in
      let receipt = try await Sink(url).deliver(Sample.entries(3))
      #expect(receipt.outcomes == [.pending, .pending, .pending])
      #expect(receipt.failure?.description.contains("413") == true)
    }
  }

  @Test("who says when to come again has not refused it for ever (RFC 9110, 15.5.14)")
  func retryAfter() async throws {
    try await Receiver.with { _, _ in
      .status(413, [("retry-after", "7")])
    } _: { _, url in
      let receipt = try await Sink(url).deliver([Sample.event(bytes: 100_000)])
      #expect(receipt.outcomes == [.pending])
      #expect(receipt.failure?.retryAfter == .seconds(7))
    }
  }

  @Test("an entry of megabytes goes alone, and is not sent in vain with others")
  func megabytes() async throws {
    let entries = [Sample.entry(1), Sample.event(2, bytes: 1 << 20), Sample.entry(3)]
    try await Receiver.with(limited(to: .max)) { receiver, url in
      let receipt = try await Sink(url).deliver(entries)
      #expect(receipt == SinkReceipt(outcomes: [.delivered, .delivered, .delivered]))
      let ids = receiver.requests.compactMap { $0.headers.first(name: "webhook-id") }
      #expect(ids.map { $0.prefix(7) } == ["msg_3-1", "msg_3-2", "msg_3-3"])
      #expect(receiver.requests[1].body.count > 4 << 18)
    }
  }
}

/// A target with what tests have in common; closed when it is let go.
struct Sink {
  let target: WebhookTarget

  init(
    _ url: String, secret: WebhookSecret? = nil, timeout: Duration = .seconds(60),
    batch: Int = 100, roots: NIOSSLTrustRoots = .default
  ) throws {
    target = try WebhookTarget(
      WebhookSetting(url: url, secret: secret, timeout: timeout, batch: batch),
      userAgent: "progressor/test", group: MultiThreadedEventLoopGroup.singleton, roots: roots,
      now: { Sample.time })
  }

  func deliver(_ entries: [FeedEntry]) async -> SinkReceipt { await target.deliver(entries) }
}
