/// Which streams of a client are still served while its connection ends in order (RFC 9113 section
/// 6.8), so that what the client is told of them is true.
///
/// First GOAWAY with the highest identifier leaves, and behind it a PING: its answer proves that
/// the client has seen the GOAWAY. All that came until the end of the read which brought the answer
/// is served, and the final GOAWAY names the last of it. From the moment its number is given out no
/// stream above it is served, also while it still waits to be sent: a client repeats those
/// elsewhere.
public struct DrainState: Sendable, Equatable {
  private enum Phase: Equatable {
    case serving
    /// GOAWAY with the highest identifier waits to be sent.
    case announcing
    /// The announcing GOAWAY left, and the PING behind it.
    case announced
    /// The PING is answered; the read that brought the answer is not over.
    case answered
    case refusing(above: Int32)
  }

  private var phase = Phase.serving
  /// The highest stream that is served.
  private var last: Int32 = 0

  /// A connection that serves everything.
  public init() {}

  /// A client opened a stream.
  ///
  /// - Returns: whether it is to be served; if not, it is to be refused and nothing of it done.
  public mutating func opened(_ stream: Int32) -> Bool {
    if case .refusing(let above) = phase, stream > above { return false }
    last = max(last, stream)
    return true
  }

  /// Begins the end: send GOAWAY with the highest identifier. False = it has begun already.
  public mutating func announce() -> Bool {
    guard phase == .serving else { return false }
    phase = .announcing
    return true
  }

  /// The announcing GOAWAY left.
  ///
  /// - Returns: whether to send the PING now.
  public mutating func sentAnnouncement() -> Bool {
    guard phase == .announcing else { return false }
    phase = .announced
    return true
  }

  /// The PING is answered.
  public mutating func receivedAnswer() {
    if phase == .announced { phase = .answered }
  }

  /// All that one read brought was processed.
  ///
  /// - Returns: the identifier for the final GOAWAY, when it is to be sent now.
  public mutating func endedRead() -> Int32? {
    phase == .answered ? conclude() : nil
  }

  /// Nothing more is waited for.
  ///
  /// - Returns: the identifier for the final GOAWAY; nil = one was given out before.
  public mutating func conclude() -> Int32? {
    if case .refusing = phase { return nil }
    phase = .refusing(above: last)
    return last
  }
}
