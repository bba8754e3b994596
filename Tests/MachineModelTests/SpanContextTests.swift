import MachineModel
import Testing

@Suite("traceparent, as the W3C's Trace Context has it") struct SpanContextTests {
  private static let id = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let valid = "00-\(id)-00f067aa0ba902b7-01"

  @Test("What is read is written as it was") func roundTrip() throws {
    let span = try #require(SpanContext(traceparent: Self.valid))
    #expect(span.traceID == TraceID(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736))
    #expect(span.spanID == 0x00f0_67aa_0ba9_02b7)
    #expect(span.isSampled)
    #expect(span.traceparent == Self.valid)
    #expect(span.traceID.text == Self.id)
  }

  @Test(
    "Of the flags only those that mean something are handed on",
    arguments: [("00", "00"), ("02", "02"), ("03", "03"), ("ff", "03"), ("fc", "00")])
  func flags(given: String, handedOn: String) throws {
    let span = try #require(SpanContext(traceparent: Self.valid.dropLast(2) + given))
    #expect(span.traceparent == Self.valid.dropLast(2) + handedOn)
    #expect(span.isSampled == (handedOn == "03"))
  }

  @Test("A later version is read as far as it is known, and handed on as ours")
  func versions() {
    let rest = String(Self.valid.dropFirst(2))
    for later in ["01" + rest, "cc" + rest + "-", "fe" + rest + "-what is that"] {
      #expect(SpanContext(traceparent: later)?.traceparent == Self.valid)
    }
    #expect(SpanContext(traceparent: "cc" + rest + ".") == nil)
    #expect(SpanContext(traceparent: Self.valid + "-") == nil)
    #expect(SpanContext(traceparent: "ff" + rest) == nil)
  }

  @Test(
    "What is not valid is none",
    arguments: [
      "", "00", "-", "00-\(id)-00f067aa0ba902b7-0", "00-\(id)-00f067aa0ba902b7-0g",
      "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
      "00-\(id)-0000000000000000-01", "00-\(id.uppercased())-00f067aa0ba902b7-01",
      "00_\(id)-00f067aa0ba902b7-01", "00-\(id)-00f067aa0ba902b7_01",
      "0-0\(id)-00f067aa0ba902b7-01", "00-\(id)é00f067aa0ba902b-01", " \(valid)", "\(valid) ",
      "00-+\(id.dropFirst())-00f067aa0ba902b7-01", String(repeating: "0", count: 10_000),
    ])
  func invalid(value: String) {
    #expect(SpanContext(traceparent: value) == nil)
  }

  @Test("Within another span of the trace, what is said of the trace goes on")
  func sameTrace() throws {
    let context = CallerContext(
      [
        .init(name: "x-a", value: "1"), .init(name: "tracestate", value: "v=1"),
        .init(name: "traceparent", value: Self.valid), .init(name: "tracestate", value: "w=2"),
      ], principal: "p")
    var span = try #require(context.span)
    span.spanID = 7
    let within = context.within(span)
    #expect(
      within.entries == [
        .init(name: "traceparent", value: "00-\(Self.id)-0000000000000007-01"),
        .init(name: "x-a", value: "1"), .init(name: "tracestate", value: "v=1"),
        .init(name: "tracestate", value: "w=2"),
      ])
    #expect(within.principal == "p")
    #expect(within.span == span)
  }

  @Test("Within a span of another trace, or where the caller's is not valid, it does not")
  func otherTrace() {
    let span = SpanContext(traceID: TraceID(high: 0, low: 1), spanID: 2, flags: 1)
    for parents in [[], [Self.valid], ["00"], [Self.valid, Self.valid]] {
      let context = CallerContext(
        parents.map { .init(name: "traceparent", value: $0) }
          + [.init(name: "tracestate", value: "v=1"), .init(name: "x-a", value: "1")])
      #expect(
        context.within(span).entries == [
          .init(name: "traceparent", value: span.traceparent), .init(name: "x-a", value: "1"),
        ])
    }
  }

  @Test("The bound holds, and what names the span is within it") func bound() {
    let span = SpanContext(traceID: TraceID(high: 0, low: 1), spanID: 2, flags: 1)
    let room = CallerContext.maximumBytes - 35
    let context = CallerContext([
      .init(name: "x-a", value: String(repeating: "v", count: room))
    ])
    #expect(context.entries.count == 1)
    #expect(context.within(span).entries.map(\.name) == ["traceparent"])
  }
}
