import MachineModel
import Testing

@testable import ProgressorServer

@Suite("Which traces are recorded") struct TraceSamplerTests {
  private func sampler(_ name: String, _ ratio: Double = 1) throws -> TraceSampler {
    try #require(TraceSampler(name: name, ratio: ratio))
  }

  private func parent(sampled: Bool) -> SpanContext {
    SpanContext(traceID: TraceID(high: 1, low: .max), spanID: 1, flags: sampled ? 1 : 0)
  }

  @Test(
    "each sampler, without a caller's word, with a yes and with a no",
    arguments: [
      ("always_on", true, true, true), ("always_off", false, false, false),
      ("traceidratio", true, true, true), ("parentbased_always_on", true, true, false),
      ("parentbased_always_off", false, true, false),
      ("parentbased_traceidratio", true, true, false),
    ])
  func samplers(name: String, alone: Bool, yes: Bool, no: Bool) throws {
    let sampler = try sampler(name)
    for low in [UInt64.min, 1 << 63, .max] {
      let trace = TraceID(high: 0, low: low)
      #expect(sampler.records(trace, below: nil) == alone)
      #expect(sampler.records(trace, below: parent(sampled: true)) == yes)
      #expect(sampler.records(trace, below: parent(sampled: false)) == no)
    }
  }

  @Test("names are all that there are")
  func names() {
    #expect(TraceSampler.names.allSatisfy { TraceSampler(name: $0, ratio: 0.5) != nil })
    for wrong in ["", "jaeger_remote", "parentbased_", "ALWAYS_ON", "parentbased_parentbased_x"] {
      #expect(TraceSampler(name: wrong, ratio: 1) == nil)
    }
    for wrong in [-0.1, 1.1, .nan, .infinity] {
      #expect(TraceSampler(name: "traceidratio", ratio: wrong) == nil)
    }
  }

  @Test("a ratio is that part of the ids, and the same ones everywhere")
  func ratio() throws {
    var random = SeededRandom(seed: 7)
    let ids = (0..<10_000).map { _ in TraceID(high: random.next(), low: random.next()) }
    let tenth = try sampler("traceidratio", 0.1)
    let half = try sampler("parentbased_traceidratio", 0.5)
    let counts = [tenth, half].map { sampler in ids.count { sampler.records($0, below: nil) } }
    #expect((900...1_100).contains(counts[0]))
    #expect((4_800...5_200).contains(counts[1]))
    // Whoever takes fewer takes some of the same.
    #expect(ids.allSatisfy { !tenth.records($0, below: nil) || half.records($0, below: nil) })
    #expect(try sampler("traceidratio", 0).records(TraceID(high: 0, low: 0), below: nil) == false)
  }
}

@Suite("Spans below others") struct TracerTests {
  private func tracer(_ name: String) throws -> Tracer {
    Tracer(sampler: try #require(TraceSampler(name: name, ratio: 1))) { _ in }
  }

  private let parent = SpanContext(traceID: TraceID(high: 1, low: 2), spanID: 3, flags: 3)

  @Test("one that is recorded has its own name in the same trace")
  func recorded() throws {
    let span = try tracer("parentbased_always_on").context(below: parent)
    #expect(span.traceID == parent.traceID)
    #expect(span.spanID != parent.spanID)
    #expect(span.flags == 3)
  }

  @Test("a caller's no is handed on as it came")
  func no() throws {
    var parent = parent
    parent.flags = 0
    #expect(try tracer("parentbased_always_on").context(below: parent) == parent)
  }

  @Test("a no of our own is handed on, too, and stays one")
  func ownNo() throws {
    let off = try tracer("always_off").context(below: parent)
    #expect(off.traceID == parent.traceID)
    #expect(off.spanID == parent.spanID)
    #expect(off.flags == 2)
    let alone = try tracer("parentbased_always_off").context(below: nil)
    #expect(!alone.isSampled)
    #expect(SpanContext(traceparent: alone.traceparent) == alone)
  }

  @Test("traces without a parent are different ones")
  func alone() throws {
    let tracer = try tracer("parentbased_traceidratio")
    let spans = (0..<100).map { _ in tracer.context(below: nil) }
    #expect(Set(spans.map(\.traceID)).count == 100)
    #expect(spans.allSatisfy { $0.isSampled && SpanContext(traceparent: $0.traceparent) == $0 })
  }
}
