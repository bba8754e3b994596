import GRPC
import MachineModel
import ProgressorEngine
import ProgressorProto
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("Spans of calls and batches") struct SpansTests {
  private static let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

  /// Spans that are over.
  private final class Ended: Sendable {
    private let all = Mutex<[TraceSpan]>([])
    var spans: [TraceSpan] { all.withLock { $0 } }

    func tracer(_ sampler: String = "parentbased_always_on") throws -> Tracer {
      Tracer(sampler: try #require(TraceSampler(name: sampler, ratio: 1))) { span in
        self.all.withLock { $0.append(span) }
      }
    }
  }

  private func head(_ path: String, _ texts: [(String, String)] = []) throws -> CallHead {
    var metadata = Metadata()
    for (name, text) in texts { try metadata.append(name, text: text) }
    return CallHead(path: path, metadata: metadata, peer: "127.0.0.1:1")
  }

  private func text(_ key: String, _ span: TraceSpan) -> String? {
    for attribute in span.attributes where attribute.key == key {
      if case .text(let text) = attribute.value { return text }
    }
    return nil
  }

  private func number(_ key: String, _ span: TraceSpan) -> Int64? {
    for attribute in span.attributes where attribute.key == key {
      if case .number(let number) = attribute.value { return number }
    }
    return nil
  }

  @Test("a client's call is a child of what its client says, with what it was about")
  func server() throws {
    let ended = Ended()
    let span = ServerSpan(
      try head(
        "/progressor.v1.Automaton/Call", [("traceparent", Self.parent), ("tracestate", "v=1")]),
      try ended.tracer())
    span.concerns(MachineID(namespace: "orders", id: String(repeating: "é", count: 200)))
    span.callEnded(CallSummary(code: .unavailable, nanoseconds: 1))
    let seen = try #require(ended.spans.first)
    #expect(seen.context == span.context)
    #expect(seen.context.traceID.text == "4bf92f3577b34da6a3ce929d0e0e4736")
    #expect(seen.parent == 0x00f0_67aa_0ba9_02b7)
    #expect((seen.state, seen.kind) == ("v=1", .server))
    #expect(seen.name == "progressor.v1.Automaton/Call")
    #expect(seen.startedAt <= seen.endedAt && seen.startedAt > 0)
    #expect(text("rpc.system", seen) == "grpc")
    #expect(text("rpc.service", seen) == "progressor.v1.Automaton")
    #expect(text("rpc.method", seen) == "Call")
    #expect(text("progressor.namespace", seen) == "orders")
    #expect(text("progressor.machine_id", seen) == String(repeating: "é", count: 128))
    #expect(number("rpc.grpc.status_code", seen) == 14)
    #expect((text("error.type", seen), seen.isError) == ("UNAVAILABLE", true))
  }

  @Test(
    "what a client did wrong is no fault of the server's", arguments: [StatusCode.ok, .notFound])
  func clientsFault(code: StatusCode) throws {
    let ended = Ended()
    ServerSpan(try head("/a.B/C"), try ended.tracer())
      .callEnded(CallSummary(code: code, nanoseconds: 1))
    let seen = try #require(ended.spans.first)
    #expect(!seen.isError && text("error.type", seen) == nil && seen.parent == nil)
  }

  @Test("of what is not recorded there is no span, and it is handed on so")
  func unrecorded() throws {
    let ended = Ended()
    let no = String(Self.parent.dropLast()) + "0"
    let span = ServerSpan(try head("/a.B/C", [("traceparent", no)]), try ended.tracer())
    span.callEnded(CallSummary(code: .ok, nanoseconds: 1))
    #expect(ended.spans.isEmpty)
    #expect(span.context.traceparent == no)
  }

  @Test("calls by which others look whether the server lives are no traces")
  func health() throws {
    let follow = ServerSpan.follow(try Ended().tracer())
    #expect(follow(try head("/grpc.health.v1.Health/Check")) == nil)
    #expect(follow(try head("/progressor.v1.Cluster/Status")) != nil)
  }

  @Test("a processor is asked within its own span, below the one of who asked")
  func client() throws {
    let ended = Ended()
    let context = CallerContext([
      .init(name: "traceparent", value: Self.parent), .init(name: "x-a", value: "1"),
    ])
    let invocation = Invocation(
      step: StepID(1), attempt: 3, namespace: NamespaceNumber(1), stimulus: .signal(.timeout),
      machine: Machine(
        machineID: MachineID(namespace: "n", id: "a"), createdAt: Timestamp(microseconds: 1)),
      stepToken: "t-1", epoch: 1, deadline: 0, timeout: 1, context: context,
      waitsForEndpoint: false)
    let span = ProcessorSpan(
      invocation, to: try ChannelTarget("orders.internal:7071"), try ended.tracer())
    span.ended(.deadlineExceeded)
    let seen = try #require(ended.spans.first)
    #expect(span.invocation.context.span == seen.context)
    #expect(span.invocation.context.entries.contains(.init(name: "x-a", value: "1")))
    #expect(seen.parent == 0x00f0_67aa_0ba9_02b7)
    #expect((seen.kind, seen.name) == (.client, "progressor.v1.Processor/ProcessSignal"))
    #expect(text("server.address", seen) == "orders.internal")
    #expect(number("server.port", seen) == 7071)
    #expect(text("progressor.step", seen) == "t-1")
    #expect(number("progressor.attempt", seen) == 3)
    #expect((text("error.type", seen), seen.isError) == ("DEADLINE_EXCEEDED", true))
  }

  private func record(_ parent: String?) -> CommitRecord {
    var record = CommitRecord(
      shard: ShardID(1), namespace: NamespaceNumber(1),
      machine: MachineID(namespace: "n", id: "a"), key: MachineKey(1))
    record.cause = parent.map { CallerContext([.init(name: "traceparent", value: $0)]) }
    return record
  }

  private func parent(_ number: Int, sampled: Bool = true) -> String {
    SpanContext(
      traceID: TraceID(high: 1, low: 1), spanID: UInt64(number), flags: sampled ? 1 : 0
    ).traceparent
  }

  @Test("a batch is linked to what caused its records, each once, as far as that is recorded")
  func batch() throws {
    let ended = Ended()
    var spans = BatchSpans(try ended.tracer())
    let records = [parent(1), parent(1), parent(2), parent(3, sampled: false), nil].map(record)
    spans.sent(CommitBatch(id: BatchID(1), slot: 1, records: records))
    spans.sent(CommitBatch(id: BatchID(2), slot: 0, records: [record(nil)]))
    spans.take(.committed(BatchID(2)))
    #expect(ended.spans.isEmpty)
    spans.take(.committed(BatchID(1)))
    spans.take(.committed(BatchID(1)))
    let seen = try #require(ended.spans.first)
    #expect(ended.spans.count == 1)
    #expect(seen.links.map(\.spanID) == [1, 2])
    #expect(seen.droppedLinks == 0 && seen.parent == nil && !seen.isError)
    #expect(seen.context.traceID != TraceID(high: 1, low: 1))
    #expect(number("progressor.records", seen) == 5)
    #expect(text("progressor.outcome", seen) == "committed")
  }

  @Test("its links are bounded, and a batch that is not written says so")
  func refusedBatch() throws {
    let ended = Ended()
    var spans = BatchSpans(try ended.tracer())
    spans.sent(
      CommitBatch(id: BatchID(1), slot: 0, records: (1...500).map { record(parent($0)) }))
    spans.take(.refused(BatchID(1), CommitRefusal(.contents, code: "22021", message: "no")))
    spans.sent(CommitBatch(id: BatchID(2), slot: 0, records: [record(parent(1))]))
    spans.take(.fenced(BatchID(2)))
    #expect(ended.spans.map(\.links.count) == [BatchSpans.maximumLinks, 1])
    #expect(ended.spans.first?.droppedLinks == 372)
    #expect(ended.spans.map { text("error.type", $0) } == ["22021", "fenced"])
    #expect(ended.spans.allSatisfy { $0.isError })
  }
}
