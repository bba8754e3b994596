import DequeModule

/// The memory that a channel's answers take until they are complete: who is granted how much of the
/// budget, and inflates. Confined to the channel's loop.
final class AnswerMemory {
  /// Inflates compressed answers.
  let inflating: InflateScheduler
  /// What a stream's window lets a peer send before anything is granted.
  let windowSize: Int
  private var budget: AnswerBudget<ClientStream>
  private var lucky = Deque<ClientStream>()
  private var isGranting = false
  /// How many answers may be under way at once: so many that the first window of each fits,
  /// whatever the peer makes of it. A call beyond them is better not made than made in vain.
  let maximumAnswers: Int

  init(configuration: ChannelConfiguration, inflating: InflateScheduler) {
    self.inflating = inflating
    windowSize = configuration.streamWindowSize
    budget = AnswerBudget(limit: configuration.maximumResponseBytes)
    maximumAnswers = max(1, configuration.maximumResponseBytes / max(1, windowSize))
  }

  /// What an answer has of it.
  enum Share {
    /// Nothing was asked for; that many bytes are held.
    case counted(Int)
    /// Memory was asked for; that many bytes are held meanwhile.
    case waiting(AnswerBudget<ClientStream>.Ticket, counted: Int, asked: Int)
    case granted(Int)
  }

  /// Says how many bytes an answer holds, and asks for what it will take if that is more than its
  /// window; false when there is no room for it.
  func hold(
    _ held: Int, demand: Int?, of stream: ClientStream, _ share: inout Share
  ) -> Bool {
    switch share {
    case .granted:
      return true
    case .waiting(let ticket, let counted, let asked):
      share = .waiting(ticket, counted: held, asked: asked)
      return budget.count(held - counted)
    case .counted(let counted):
      share = .counted(held)
      guard budget.count(held - counted) else { return false }
      // Half of it, since padding counts as well and opens no window before half of that is used
      // up.
      guard let demand, demand + MessageDeframer.prefixLength > windowSize / 2 else { return true }
      if let ticket = budget.ask(demand, for: stream) {
        share = .waiting(ticket, counted: held, asked: demand)
      } else {
        share = .granted(demand)
        return budget.count(-held)
      }
      return true
    }
  }

  /// Says how many bytes an answer of several messages holds; false when there is no room for it.
  func hold(_ held: Int, _ share: inout Share) -> Bool {
    guard case .counted(let counted) = share else { return true }
    share = .counted(held)
    return budget.count(held - counted)
  }

  /// What a stream has that waited, as soon as it is granted.
  func take(_ share: inout Share) {
    guard case .waiting(_, let counted, let asked) = share else { return }
    _ = budget.count(-counted)  // Taking back never fails.
    share = .granted(asked)
  }

  /// The answer is over, or given up. Its stream has forgotten the share already.
  func release(_ share: Share) {
    switch share {
    case .counted(let counted):
      _ = budget.count(-counted)
    case .waiting(let ticket, let counted, _):
      _ = budget.count(-counted)
      grant(budget.forget(ticket))
    case .granted(let bytes):
      grant(budget.release(bytes))
    }
  }

  /// One after the other: an answer that is granted its memory may end at once.
  private func grant(_ streams: [ClientStream]) {
    for stream in streams { stream.takeMemory() }
    lucky.append(contentsOf: streams)
    guard !isGranting else { return }
    isGranting = true
    while let stream = lucky.popFirst() { stream.memoryGranted() }
    isGranting = false
  }
}
