import GRPC
import MachineModel
import NIOCore
import ProgressorProto
import Synchronization
import Testing

@testable import ProgressorServer

@Suite("The exporter of spans", .timeLimit(.minutes(1))) struct SpanExporterTests {
  /// A collector that answers as it is told.
  private final class Collector: Sendable {
    private let answers: Mutex<[RPCStatus]>
    let response: ExportSpansResponse
    let told: AsyncStream<(ExportSpansRequest, Metadata)>
    private let tell: AsyncStream<(ExportSpansRequest, Metadata)>.Continuation

    /// - Parameter answers: One for each batch; after the last one all are taken.
    init(_ answers: [RPCStatus] = [], response: ExportSpansResponse = ExportSpansResponse()) {
      self.answers = Mutex(answers)
      self.response = response
      (told, tell) = AsyncStream.makeStream()
    }

    var router: Router {
      var router = Router()
      router.unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export") {
        request, responder in
        let status = self.answers.withLock { $0.isEmpty ? .ok : $0.removeFirst() }
        guard status.isOK else { return responder.fail(status) }
        responder.respond(self.response.buffer() ?? ByteBuffer())
        if let export = try? ExportSpansRequest(decoding: request.message) {
          self.tell.yield((export, request.metadata))
        }
      }
      return router
    }
  }

  private func span(_ number: UInt64) -> TraceSpan {
    TraceSpan(
      SpanContext(traceID: TraceID(high: 0, low: 1), spanID: number, flags: 1), name: "n",
      kind: .server, startedAt: 1, endedAt: 2)
  }

  private func with(
    _ collector: Collector, _ more: [String: String] = [:],
    _ body: (SpanExporter) async throws -> Void
  ) async throws {
    let server = GRPCServer(router: collector.router)
    let address = try await server.start([.tcp(host: "127.0.0.1", port: 0)])[0]
    let environment = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://\(address)"].merging(more) { $1 }
    let tracing = try #require(try NodeConfiguration(environment: environment).tracing)
    let exporter = SpanExporter(
      tracing, limits: SpanQueue.Limits(batch: 2, delay: 1_000, pause: 2_000),
      logger: NodeFixture.quiet)
    try await body(exporter)
    await exporter.stop(within: .zero)
    await server.stop(grace: .zero)
  }

  @Test(
    "sends what it is given, with the process's name and the headers", arguments: ["none", "gzip"])
  func sends(compression: String) async throws {
    let collector = Collector()
    let more = [
      "OTEL_SERVICE_NAME": "orders", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret",
      "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
    ]
    try await with(collector, more) { exporter in
      for number in 1...3 { exporter.add(span(UInt64(number))) }
      var spans: [UInt64] = []
      for await (request, metadata) in collector.told {
        #expect(request.resource.first == SpanAttribute("service.name", "orders"))
        #expect((request.scope, request.scopeVersion) == ("progressor", Version.current))
        #expect(metadata.text("api-key") == "secret")
        spans += request.spans.map(\.context.spanID)
        if spans.count == 3 { break }
      }
      #expect(spans == [1, 2, 3])
    }
  }

  @Test(
    "sends again what a collector may take later",
    arguments: [
      StatusCode.cancelled, .deadlineExceeded, .aborted, .outOfRange, .unavailable, .dataLoss,
    ])
  func again(code: StatusCode) async throws {
    let collector = Collector([RPCStatus(code: code), RPCStatus(code: code)])
    try await with(collector) { exporter in
      exporter.add(span(1))
      var iterator = collector.told.makeAsyncIterator()
      #expect(await iterator.next()?.0.spans.map(\.context.spanID) == [1])
    }
  }

  @Test("does not send again what a collector will never take")
  func never() async throws {
    let codes: [StatusCode] = [.invalidArgument, .unauthenticated, .resourceExhausted, .unknown]
    let collector = Collector(codes.map { RPCStatus(code: $0) })
    try await with(collector) { exporter in
      for number in 1...10 { exporter.add(span(UInt64(number))) }
      var iterator = collector.told.makeAsyncIterator()
      // The first batch may have left with its first span.
      let taken = try #require(await iterator.next()?.0.spans.first?.context.spanID)
      let refused = exporter.statistics.lost[SpanQueue.Loss.refused.rawValue]
      #expect(refused == taken - 1 && (7...8).contains(refused))
    }
  }

  @Test("takes a collector at its word that says when to come again")
  func retryInfo() async throws {
    let info = AnyMessage(typeURL: "type.googleapis.com/google.rpc.RetryInfo", value: [])
    let status = RPCStatus(
      code: .resourceExhausted,
      details: RichStatus(code: 8, message: "", details: [info]).encoded())
    let collector = Collector([status])
    try await with(collector) { exporter in
      exporter.add(span(1))
      var iterator = collector.told.makeAsyncIterator()
      #expect(await iterator.next()?.0.spans.count == 1)
    }
  }

  @Test("ends in time, whoever does not listen, and counts what it could not send")
  func end() async throws {
    let tracing = try #require(
      try NodeConfiguration(
        environment: ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"]
      ).tracing)
    let exporter = SpanExporter(tracing, logger: NodeFixture.quiet)
    for number in 1...20_000 { exporter.add(span(UInt64(number))) }
    await exporter.stop(within: .seconds(2))
    let statistics = exporter.statistics
    #expect(statistics.waiting == 0)
    #expect(statistics.lost.reduce(0, +) == 20_000)
    #expect(statistics.lost[SpanQueue.Loss.full.rawValue] == 20_000 - 8_192)
  }
}
