import MachineModel
import NIOCore
import NIOPosix
import NIOSSL
import Testing

@testable import ProgressorSinks

@Suite("Delivery to a webhook that does not work", .timeLimit(.minutes(1)))
struct BrokenWebhookTests {
  private func failure(_ sink: Sink) async throws -> String {
    let receipt = await sink.deliver(Sample.entries(2))
    #expect(receipt.outcomes == [.pending, .pending])
    return try #require(receipt.failure).description
  }

  @Test("who never answers, or never comes to an end, is not waited for beyond the time")
  func slow() async throws {
    for answer in [Receiver.Answer.nothing, .part(200), .trickle] {
      try await Receiver.with { _, _ in
        answer
      } _: { receiver, url in
        let failure = try await failure(Sink(url, timeout: .milliseconds(200)))
        #expect(failure.hasSuffix(" did not answer in time"), "\(failure)")
        try await eventually { receiver.connections.open == 0 }
      }
    }
  }

  @Test("who takes a connection and never reads is not waited for beyond the time")
  func unread() async throws {
    try await Receiver.with(reads: false) { _, _ in
      .nothing
    } _: { _, url in
      let sink = try Sink(url, timeout: .milliseconds(200))
      // More than the buffers of both sides take.
      let receipt = await sink.deliver([Sample.event(bytes: 3_300_000)])
      #expect(receipt.outcomes == [.pending])
      #expect(receipt.failure?.description.hasSuffix(" did not answer in time") == true)
    }
  }

  @Test("a connection that ends before the answer does is a failure, and the next one is new")
  func closed() async throws {
    for answer in [Receiver.Answer.close, .cut] {
      try await Receiver.with { number, _ in
        number == 0 ? answer : .status(200)
      } _: {
        receiver, url in
        let sink = try Sink(url)
        let failure = try await failure(sink)
        #expect(failure.contains("closed the connection"), "\(failure)")
        #expect(await sink.deliver([Sample.entry()]).outcomes == [.delivered])
        #expect(receiver.connections.all == 2)
      }
    }
  }

  @Test("of an answer only so much is read; what goes on is cut off, and counts")
  func flood() async throws {
    try await Receiver.with { _, _ in
      .flood
    } _: { receiver, url in
      let receipt = try await Sink(url).deliver([Sample.entry()])
      #expect(receipt.outcomes == [.delivered])
      try await eventually { receiver.connections.open == 0 }
    }
  }

  @Test("what is not HTTP is no answer")
  func nonsense() async throws {
    try await Receiver.with { _, _ in
      .nonsense
    } _: { _, url in
      let failure = try await failure(Sink(url))
      #expect(failure.hasSuffix(" answered what is not HTTP"), "\(failure)")
    }
  }

  @Test("an answer to be refused need not come to its end")
  func refusedSlowly() async throws {
    try await Receiver.with { _, _ in
      .part(503)
    } _: { _, url in
      let failure = try await failure(Sink(url))
      #expect(failure.hasSuffix(" answered 503"))
    }
  }

  @Test("a port where nobody listens is told at once, without what the address hides")
  func refusedConnection() async throws {
    let port = try await Receiver.with { _, _ in
      .nothing
    } _: { _, url in
      try #require(url.split(separator: ":").last?.prefix { $0 != "/" })
    }
    let failure = try await failure(Sink("http://127.0.0.1:\(port)/path?key=s3cret"))
    #expect(failure == "127.0.0.1:\(port) refused the connection")
  }

  @Test("a certificate that somebody unknown signed, or for another name, is not taken")
  func certificates() async throws {
    let tls = try ReceiverCertificates.server(ReceiverCertificates.address)
    let roots = try ReceiverCertificates.roots()
    try await Receiver.with(tls: tls) { _, _ in
      .status(200)
    } _: { receiver, url in
      let failure = try await failure(Sink(url))
      #expect(failure.hasSuffix(" failed certificate verification"), "\(failure)")
      #expect(receiver.requests.isEmpty)
      let receipt = try await Sink(url, roots: roots).deliver([Sample.entry()])
      #expect(receipt.outcomes == [.delivered])
    }
    let other = try ReceiverCertificates.server(ReceiverCertificates.name)
    try await Receiver.with(tls: other) { _, _ in
      .status(200)
    } _: { receiver, url in
      let failure = try await failure(Sink(url, roots: roots))
      #expect(failure.hasSuffix(" has a certificate for another name"), "\(failure)")
      #expect(receiver.requests.isEmpty)
    }
  }

  @Test("who speaks no TLS is told so")
  func noTLS() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { _, url in
      let failure = try await failure(Sink("https" + url.dropFirst(4)))
      #expect(failure.contains(" failed the TLS handshake"), "\(failure)")
    }
  }
}

@Suite("The end of a webhook's delivery", .timeLimit(.minutes(1)))
struct WebhookEndTests {
  @Test("a delivery that is cancelled ends, with what was not answered pending")
  func cancelled() async throws {
    try await Receiver.with { number, _ in
      number == 0 ? .status(200) : .nothing
    } _: {
      receiver, url in
      let sink = try Sink(url, batch: 1)
      let delivery = Task { await sink.deliver(Sample.entries(3)) }
      _ = await receiver.next()
      _ = await receiver.next()
      delivery.cancel()
      let receipt = await delivery.value
      #expect(receipt.outcomes == [.delivered, .pending, .pending])
      #expect(receipt.failure != nil)
      #expect(receiver.requests.count == 2)
      try await eventually { receiver.connections.open == 0 }
    }
  }

  @Test("one that is cancelled within the answer has not arrived")
  func cancelledWithinAnswer() async throws {
    try await Receiver.with { _, _ in
      .trickle
    } _: { receiver, url in
      let sink = try Sink(url)
      let delivery = Task { await sink.deliver(Sample.entries(1)) }
      _ = await receiver.next()
      delivery.cancel()
      #expect(await delivery.value.outcomes == [.pending])
    }
  }

  @Test("one that is cancelled before it begins sends nothing")
  func cancelledBefore() async throws {
    try await Receiver.with { _, _ in
      .nothing
    } _: { _, url in
      let sink = try Sink(url)
      let delivery = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return await sink.deliver(Sample.entries(2))
      }
      #expect(await delivery.value.outcomes == [.pending, .pending])
    }
  }

  @Test("closed twice it is closed, and delivers nothing more")
  func closed() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      let sink = try Sink(url)
      _ = await sink.deliver([Sample.entry()])
      await sink.target.close()
      await sink.target.close()
      try await eventually { receiver.connections.open == 0 }
      let receipt = await sink.deliver([Sample.entry()])
      #expect(receipt.outcomes == [.pending])
      #expect(receipt.failure?.description.hasSuffix("was not asked: the sink is closed") == true)
      #expect(receiver.requests.count == 1)
    }
  }

  @Test("closed within a delivery it ends it")
  func closedWithin() async throws {
    try await Receiver.with { _, _ in
      .nothing
    } _: { receiver, url in
      let sink = try Sink(url)
      let delivery = Task { await sink.deliver(Sample.entries(1)) }
      _ = await receiver.next()
      await sink.target.close()
      #expect(await delivery.value.outcomes == [.pending])
    }
  }

  @Test("one that was let go without being closed closes its connections")
  func forgotten() async throws {
    try await Receiver.with { _, _ in
      .status(200)
    } _: { receiver, url in
      _ = try await Sink(url).deliver([Sample.entry()])
      try await eventually { receiver.connections.open == 0 }
    }
  }

  @Test("an address that is none makes no target")
  func noAddress() throws {
    #expect(throws: WebhookURLError.userInfo) { try Sink("http://a:b@example.org") }
  }
}
