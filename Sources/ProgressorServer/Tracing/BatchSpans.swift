import MachineModel
import ProgressorEngine
import ProgressorProto

/// The spans of batches that are on their way to the database, each with links to the spans that
/// caused its records: those of traces that are recorded. A batch without any has none. Confined to
/// the engine's loop; at most as many as batches are in flight.
struct BatchSpans {
  /// The most links of a span; the others are counted.
  static let maximumLinks = 128

  private struct Sent {
    let start: SpanStart
    let links: [SpanContext]
    let droppedLinks: Int
    let records: Int
    let slot: Int
  }

  private let tracer: Tracer
  private var sent: [BatchID: Sent] = [:]

  init(_ tracer: Tracer) { self.tracer = tracer }

  /// A batch is on its way.
  mutating func sent(_ batch: CommitBatch) {
    var links: [SpanContext] = []
    var seen: Set<SpanContext> = []
    for record in batch.records {
      guard let span = record.cause?.span, span.isSampled, seen.insert(span).inserted else {
        continue
      }
      if links.count < Self.maximumLinks { links.append(span) }
    }
    guard !links.isEmpty else { return }
    sent[batch.id] = Sent(
      start: SpanStart(), links: links, droppedLinks: seen.count - links.count,
      records: batch.records.count, slot: batch.slot)
  }

  /// How it ended, if it is that.
  mutating func take(_ input: Input) {
    switch input {
    case .committed(let batch): end(batch, "committed")
    case .refused(let batch, let refusal): end(batch, "refused", error: refusal.code)
    case .fenced(let batch): end(batch, "fenced", error: "fenced")
    default: break
    }
  }

  private mutating func end(_ batch: BatchID, _ outcome: String, error: String? = nil) {
    guard let sent = sent.removeValue(forKey: batch) else { return }
    var span = TraceSpan(
      tracer.ownContext(), name: "commit", kind: .internal, startedAt: sent.start.time,
      endedAt: sent.start.end)
    span.links = sent.links
    span.droppedLinks = UInt32(clamping: sent.droppedLinks)
    span.attributes = [
      SpanAttribute("progressor.records", sent.records),
      SpanAttribute("progressor.slot", sent.slot),
      SpanAttribute("progressor.outcome", outcome),
    ]
    if let error {
      span.isError = true
      span.attributes.append(
        SpanAttributes.text("error.type", error.isEmpty ? outcome : error))
    }
    tracer.ended(span)
  }
}
