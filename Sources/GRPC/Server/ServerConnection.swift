import HTTP2
import Logging
import NIOCore
import Synchronization

/// One connection of the server: what its client may do and have, and what becomes of its calls.
///
/// It has no rule of its own: `ConnectionLifetime` says what is due, `ServerStream` what a call
/// does; `ConnectionDriver` carries the bytes.
final class ServerConnection: @unchecked Sendable {
  // Safe to share: the constants never change, `mailbox` is made for several threads, and all other
  // state is touched on the event loop only.

  private static let lastNumber = Atomic<UInt64>(0)

  /// No other connection of the process has it.
  let number = lastNumber.wrappingAdd(1, ordering: .relaxed).newValue
  let driver: ConnectionDriver<ServerConnection>
  let configuration: ServerConfiguration
  /// Who is at the other end.
  let identity: PeerIdentity
  let router: Router
  let logger: Logger
  let counters: ServerCounters
  let mailbox = ConnectionMailbox()
  /// Shared by the connections of the event loop.
  let inflating: InflateScheduler

  var lifetime: ConnectionLifetime

  let runningCalls = RunningCalls()
  var bufferedRequestBytes = 0
  /// Bytes of requests from their header fields to their answer.
  var heldRequestBytes = 0
  let requestBudget: RequestBudget
  /// Complete requests that wait until the client took more of the responses.
  var waiting = WaitingLine<ServerStream>()
  let budget: UnreadBudget
  /// Set aside for the answers of calls that handlers have.
  var reservedResponseBytes = 0
  /// How fast the client takes all answers together.
  var outputPace: Pace
  var expectedSizes = ExpectedSizes()
  /// Calls whose responses left in part during this flush.
  var progressed: [(stream: ServerStream, count: Int)] = []

  var deadlines = DeadlineQueue()
  var paceCheckAt: NIODeadline?

  /// - Throws: when the system gives no memory.
  init(
    eventLoop: any EventLoop, router: Router, configuration: ServerConfiguration,
    counters: ServerCounters, inflating: InflateScheduler, peer: PeerIdentity,
    logger: Logger, jitter: Double
  ) throws(HTTP2Error) {
    self.router = router
    self.configuration = configuration
    self.counters = counters
    self.inflating = inflating
    identity = peer
    self.logger = logger
    budget = UnreadBudget(
      perConnection: configuration.maxUnreadBytesPerConnection,
      perServer: configuration.maxUnreadBytes)
    requestBudget = RequestBudget(perServer: configuration.maxRequestBytes)
    let now = NIODeadline.now()
    outputPace = Pace(demanded: 0, now: now)
    lifetime = ConnectionLifetime(limits: configuration.lifetime, jitter: jitter, now: now)
    driver = try ConnectionDriver(
      role: .server, settings: configuration.http2, on: eventLoop, now: now)
  }

  /// Begins to serve a channel.
  ///
  /// - Throws: when the channel is closed already.
  func start(on channel: any Channel) throws {
    try driver.start(self, on: channel)
  }

  /// Who is at the other end, as requests tell it.
  var peer: String { identity.name }
  var eventLoop: any EventLoop { driver.eventLoop }
  var session: Session { driver.session }
  /// When the running turn began: read once for all that happens in it.
  var now: NIODeadline { driver.now }
}

// MARK: The socket

extension ServerConnection: ConnectionSide {
  static var writeSize: Int { 64 << 10 }
  /// Our SETTINGS wait for the client's first bytes: whoever speaks HTTP/1 is to get an answer that
  /// it can read.
  static var speaksFirst: Bool { false }
  /// A client that takes no answers makes no requests.
  static var readsWhileUnwritable: Bool { false }

  func received(now: NIODeadline) {
    lifetime.received(now: now)
  }

  func endedRead() {
    perform(lifetime.endedRead())
  }

  /// Lets go on what waited for the client to take bytes.
  func wrote() {
    let some = progressed
    progressed.removeAll()
    for (stream, count) in some { stream.resumeHandler(sent: count) }
    if bufferedResponseBytes > 0 { checkPaceLater() }
    guard hasRoomForResponses else { return }
    if mailbox.lacksRoom.exchange(false, ordering: .acquiringAndReleasing) {
      for call in calls() { call.resumeHandler(sent: 0) }
    }
    beginWaiting()
  }

  /// A PING cannot leave, or its answer cannot be seen, while the client does not take what waits
  /// for it: then that is judged by its pace.
  func standstillChanged(_ standsStill: Bool, now: NIODeadline) {
    lifetime.setStandstill(standsStill, now: now)
    if driver.unwritableSince != nil { checkPaceLater() }
  }

  func sessionFailed(_ error: HTTP2Error, after bytes: ByteBuffer) {
    logger.debug("a connection is ended", metadata: ["peer": "\(peer)", "error": "\(error)"])
    guard error.reason == .notHTTP2 else { return }
    // Only a client that speaks HTTP/1 understands words; others just see the end.
    let first = bytes.readableBytesView.first ?? 0
    let speaksHTTP1 = (UInt8(ascii: "A")...UInt8(ascii: "Z")) ~= first
    driver.closeNow(with: speaksHTTP1 ? ByteBuffer(string: Self.http1Answer) : nil)
  }

  func socketFailed(_ error: any Error) {
    logger.debug("a connection broke", metadata: ["peer": "\(peer)", "error": "\(error)"])
  }

  func socketClosed() {
    session.connectionClosed(.cancel)
    waiting.removeAll()
  }

  private static let http1Answer: String = {
    let text = "This is a gRPC server: it speaks HTTP/2 only, without upgrade from HTTP/1.1.\n"
    return "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n"
      + "content-length: \(text.utf8.count)\r\nconnection: close\r\n\r\n" + text
  }()
}
