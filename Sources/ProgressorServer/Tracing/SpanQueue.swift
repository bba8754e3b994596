import MachineModel
import ProgressorProto

/// Spans that wait to be sent to a collector, the batch that is under way included: how many there
/// may be, when a batch is sent, and what becomes of one that is not taken. A value; times are
/// microseconds of a clock that only goes forward.
struct SpanQueue {
  struct Limits {
    /// Spans that are held at once; more are dropped.
    var spans = 8_192
    /// Of one batch.
    var batch = 512
    /// How long a span waits until its batch is full.
    var delay: Int64 = 5_000_000
    /// For how long a batch is tried again.
    var patience: Int64 = 60_000_000
    /// From one attempt that failed to the next; doubled with each.
    var pause: Int64 = 1_000_000
    /// What it is doubled up to.
    var longestPause: Int64 = 10_000_000
  }

  /// Why spans were not exported.
  enum Loss: Int, CaseIterable {
    /// There were too many.
    case full
    /// The collector was away for longer than they are kept.
    case expired
    /// The collector does not want what it was sent.
    case refused
    /// The collector took the others of their batch.
    case rejected
    /// The server stopped.
    case stopped
  }

  /// How sending a batch ended.
  enum Outcome: Hashable {
    /// It was taken, but for so many of its spans.
    case taken(rejected: Int, message: String)
    /// It may be taken later.
    case failed(String)
    /// It will never be taken.
    case refused(String)
  }

  /// What is to be done next.
  enum Step: Equatable {
    case nothing
    case send([TraceSpan])
    case wait(until: Int64)
  }

  /// What is worth a line in the log.
  enum News: Hashable {
    case began(String)
    /// After so many microseconds; so many spans were lost.
    case ended(after: Int64, lost: UInt64)
    /// The collector is there, and did not want so many of a batch. Told once in a while.
    case rejected(UInt64, String)
  }

  private struct Batch {
    let spans: [TraceSpan]
    /// When it was sent first.
    let since: Int64
    var isUnderWay = true
  }

  private struct Trouble {
    let since: Int64
    let lostBefore: UInt64
    var attempts: Int64 = 0
    var notBefore: Int64 = 0
  }

  private let limits: Limits
  /// Batches that are full, the oldest first.
  private var full: [[TraceSpan]] = []
  /// Of the batch that is not full.
  private var newest: [TraceSpan] = []
  /// When the first of them came.
  private var newestSince: Int64 = 0
  private var sending: Batch?
  private var trouble: Trouble?
  /// nil = nothing was rejected yet.
  private var rejectionToldAt: Int64?
  private var isClosing = false
  private var isOver = false

  /// Spans that a collector took.
  private(set) var exported: UInt64 = 0
  /// By the raw values of ``Loss``.
  private(set) var lost = [UInt64](repeating: 0, count: Loss.allCases.count)

  init(_ limits: Limits = Limits()) { self.limits = limits }

  /// Spans that are held.
  var count: Int { full.count * limits.batch + newest.count + (sending?.spans.count ?? 0) }

  /// Whether the last batch was not taken.
  var isTroubled: Bool { trouble != nil }

  /// Takes a span, if there is room.
  ///
  /// - Returns: whether ``next(now:)`` has something new to say.
  mutating func add(_ span: TraceSpan, now: Int64) -> Bool {
    guard !isOver, count < limits.spans else {
      lost[(isOver ? Loss.stopped : .full).rawValue] += 1
      return false
    }
    if newest.isEmpty { newestSince = now }
    newest.append(span)
    if newest.count == limits.batch {
      full.append(newest)
      newest.removeAll(keepingCapacity: true)
      return sending == nil
    }
    return newest.count == 1 && sending == nil && full.isEmpty
  }

  /// What is to be done now.
  mutating func next(now: Int64) -> Step {
    if sending?.isUnderWay == true { return .nothing }
    if let trouble, now < trouble.notBefore {
      return count > 0 ? .wait(until: trouble.notBefore) : .nothing
    }
    if let sending {
      self.sending?.isUnderWay = true
      return .send(sending.spans)
    }
    if !full.isEmpty { return send(full.removeFirst(), now: now) }
    if newest.isEmpty { return .nothing }
    let due = newestSince + limits.delay
    guard isClosing || now >= due else { return .wait(until: due) }
    defer { newest = [] }
    return send(newest, now: now)
  }

  private mutating func send(_ spans: [TraceSpan], now: Int64) -> Step {
    sending = Batch(spans: spans, since: now)
    return .send(spans)
  }

  /// The batch that is under way ended so.
  ///
  /// - Parameter random: Uniform in 0..<1, so that many nodes do not come back together.
  mutating func ended(_ outcome: Outcome, now: Int64, random: Double) -> News? {
    guard let batch = sending else { return nil }
    switch outcome {
    case .taken(let rejected, let message):
      sending = nil
      let rejected = UInt64(clamping: min(max(0, rejected), batch.spans.count))
      exported += UInt64(batch.spans.count) - rejected
      lost[Loss.rejected.rawValue] += rejected
      if let trouble {
        self.trouble = nil
        return .ended(after: now - trouble.since, lost: lost.reduce(0, +) - trouble.lostBefore)
      }
      return rejected > 0 ? rejection(of: rejected, message, now: now) : nil
    case .refused(let message):
      let news = failed(message, now: now, pause: pause(random))
      lose(.refused)
      return news
    case .failed(let message):
      let news = failed(message, now: now, pause: pause(random))
      sending?.isUnderWay = false
      if isClosing || now - batch.since >= limits.patience { lose(.expired) }
      return news
    }
  }

  private mutating func rejection(of spans: UInt64, _ message: String, now: Int64) -> News? {
    if let told = rejectionToldAt, now - told < limits.patience { return nil }
    rejectionToldAt = now
    return .rejected(spans, message)
  }

  private mutating func failed(_ message: String, now: Int64, pause: Int64) -> News? {
    let isFirst = trouble == nil
    if isFirst { trouble = Trouble(since: now, lostBefore: lost.reduce(0, +)) }
    trouble?.attempts += 1
    trouble?.notBefore = now + pause
    return isFirst ? .began(message) : nil
  }

  /// Half of it at least.
  private func pause(_ random: Double) -> Int64 {
    let doublings = min(trouble?.attempts ?? 0, 16)
    let longest = min(limits.longestPause, limits.pause << doublings)
    return longest / 2 + Int64(Double(longest / 2) * random)
  }

  private mutating func lose(_ loss: Loss) {
    lost[loss.rawValue] += UInt64(sending?.spans.count ?? 0)
    sending = nil
  }

  /// From now on nothing is waited for: what is there is due.
  mutating func close() { isClosing = true }

  /// What is left goes, and nothing comes any more.
  mutating func abandon() {
    isOver = true
    lost[Loss.stopped.rawValue] += UInt64(count)
    (full, newest, sending) = ([], [], nil)
  }
}
