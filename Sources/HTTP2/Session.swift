import CNghttp2

/// One HTTP/2 connection without IO: bytes in, calls of delegates and bytes out.
///
/// `receive` takes what came from the socket, the `submit…` methods say what is to be sent, and
/// `takeOutput` gives the bytes for the socket. Framing, HPACK, states and windows are nghttp2's;
/// the bounds against floods that it lacks, and flow control by what was really consumed, are here.
///
/// A session and its streams are confined to one thread. Times are nanoseconds of a clock that
/// never goes back. No bytes of a peer can make it trap.
public final class Session {
  /// Which side of the connection this is.
  public enum Role: Sendable {
    case client
    case server
  }

  /// Which side this is.
  public let role: Role
  /// What this side announces, and its limits.
  public let settings: SessionSettings

  /// Is told what concerns the connection. Not retained.
  public weak var delegate: (any SessionDelegate)?

  /// Streams that did not close yet, which keeps them alive: nghttp2 only has their addresses.
  var streams: [Int32: HTTP2Stream] = [:]
  /// Whether the connection is gone: the streams are let go, and nghttp2, which has their
  /// addresses, is not entered any more.
  private var isConnectionGone = false

  /// The header list that is being received; used for one after the other.
  var headers = HeaderList()

  var flood: FloodGuard
  private var scanner: FrameScanner
  /// Header blocks that were accepted during the running call of `receive`.
  var acceptedHeaders = 0
  /// What was decoded during it of header lists above their limit, in bytes.
  var wastedHeaderBytes = 0
  /// Whether a string of the header block that is being received was shortened.
  var isBlockShortened = false
  /// When the running call of `receive` or `takeOutput` was made.
  var now: UInt64
  /// GOAWAY with an error is under way already: a second one would tell less.
  var hasSaidWhy = false
  /// The notice of a shutdown waits to be sent. Its identifier does not tell it apart from a final
  /// GOAWAY: a client may have used the highest one.
  var owesShutdownNotice = false
  /// The error that ended this session, once there is one.
  public internal(set) var failure: HTTP2Error?
  /// Whether nghttp2 is on the stack: it must not be entered again.
  private var isBusy = false

  private var handleStorage: OpaquePointer?
  var handle: OpaquePointer? { handleStorage }

  /// Makes one side of a new connection. Its preface and SETTINGS wait in `takeOutput`.
  ///
  /// - Throws: `HTTP2Error` when the system gives no memory.
  public init(role: Role, settings: SessionSettings, now: UInt64) throws(HTTP2Error) {
    self.role = role
    self.settings = settings
    self.now = now
    flood = FloodGuard(limits: settings.floods, now: now)
    switch role {
    case .server:
      scanner = FrameScanner(
        prefaceLength: Int(NGHTTP2_CLIENT_MAGIC_LEN), longestString: settings.headers.listSize)
    case .client:
      // A server's long words cost its answer, not the calls of others; `maxContinuations` bounds
      // them.
      scanner = FrameScanner(prefaceLength: 0)
    }

    var option: OpaquePointer?
    guard nghttp2_option_new(&option) == 0 else { throw Self.outOfMemory }
    defer { nghttp2_option_del(option) }
    Self.configure(option, settings)
    let user = Unmanaged.passUnretained(self).toOpaque()
    let callbacks = SessionCallbacks.shared.pointer
    let result =
      switch role {
      case .client: nghttp2_session_client_new2(&handleStorage, callbacks, user, option)
      case .server: nghttp2_session_server_new2(&handleStorage, callbacks, user, option)
      }
    guard result == 0, submitSettings() == 0 else { throw Self.outOfMemory }
  }

  deinit {
    for stream in streams.values {
      stream.session = nil
      // It may hold the stream: they would keep each other alive.
      stream.delegate = nil
    }
    nghttp2_session_del(handleStorage)
  }

  private static let outOfMemory = HTTP2Error.connection(
    .outOfMemory, .internalError, "no memory for a connection")

  private static func configure(_ option: OpaquePointer?, _ settings: SessionSettings) {
    let floods = settings.floods
    nghttp2_option_set_no_auto_window_update(option, 1)
    nghttp2_option_set_max_outbound_ack(option, max(1, floods.maxQueuedAcknowledgements))
    nghttp2_option_set_max_settings(option, max(1, floods.maxSettingsEntries))
    nghttp2_option_set_max_continuations(option, max(1, floods.maxContinuations))
    // Its count knows no age of streams, and its GOAWAY no reason: FloodGuard counts instead.
    nghttp2_option_set_stream_reset_rate_limit(option, 1 << 32, 1 << 32)
    // Closed streams would be kept for priorities, which are switched off.
    nghttp2_option_set_no_closed_streams(option, 1)
    // Python's processors end texts with spaces, and a reset would hide the code beside them.
    nghttp2_option_set_no_rfc9113_leading_and_trailing_ws_validation(option, 1)
  }

  private func submitSettings() -> Int32 {
    func entry(_ id: nghttp2_settings_id, _ value: UInt32) -> nghttp2_settings_entry {
      nghttp2_settings_entry(settings_id: Int32(id.rawValue), value: value)
    }
    var entries = [
      entry(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, min(settings.initialWindowSize, 0x7fff_ffff)),
      entry(
        NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
        UInt32(clamping: settings.headers.announcedListSize)),
      entry(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1),
    ]
    switch role {
    case .client:
      entries.append(entry(NGHTTP2_SETTINGS_ENABLE_PUSH, 0))
    case .server:
      entries.append(
        entry(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams))
    }
    let result = nghttp2_submit_settings(handle, 0, &entries, entries.count)
    guard result == 0 else { return result }
    let window = Int32(clamping: max(65_535, settings.connectionWindowSize))
    return nghttp2_session_set_local_window_size(handle, 0, 0, window)
  }

  // MARK: Bytes in and out

  /// Takes bytes that the peer sent, and tells the delegates what they mean.
  ///
  /// - Throws: an error of connection scope, once, after which the session takes no more: send what
  ///   `takeOutput` still gives (GOAWAY), then close the connection.
  public func receive(_ bytes: RawSpan, now: UInt64) throws(HTTP2Error) {
    guard !isBusy, !isConnectionGone, failure == nil, bytes.byteCount > 0 else { return }
    self.now = now
    var scanner = scanner
    var offset = 0
    while failure == nil, let piece = scanner.next(of: bytes, from: &offset) {
      switch piece {
      case .asTheyAre(let range):
        isBlockShortened = false
        feed(bytes.extracting(range))
      case .instead(let replacement, let isShortened):
        isBlockShortened = isShortened
        feed(replacement.span.bytes)
      }
    }
    let frames = scanner.takeSummary()
    self.scanner = scanner
    if failure == nil {
      failure = flood.received(
        frames, acceptedHeaders: acceptedHeaders, wastedHeaderBytes: wastedHeaderBytes, now: now)
    }
    acceptedHeaders = 0
    wastedHeaderBytes = 0
    if let failure {
      terminate(failure.code, after: failure.reason)
      throw failure
    }
  }

  private func feed(_ bytes: RawSpan) {
    isBusy = true
    let result = bytes.withUnsafeBytes {
      nghttp2_session_mem_recv(
        handle, $0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count)
    }
    isBusy = false
    if failure == nil, result < 0 { failure = Self.error(code: Int32(truncatingIfNeeded: result)) }
  }

  /// Gives the bytes that are to be sent, frame by frame.
  ///
  /// - Parameters:
  ///   - limit: gives no further frame once that many bytes were given.
  ///   - write: takes the bytes, which are valid during the call only.
  /// - Returns: how many bytes were given.
  @discardableResult
  public func takeOutput(limit: Int = .max, now: UInt64, into write: (RawSpan) -> Void) -> Int {
    guard !isBusy, !isConnectionGone, failure?.reason != .notHTTP2 else { return 0 }
    self.now = now
    var total = 0
    while total < limit {
      var data: UnsafePointer<UInt8>?
      isBusy = true
      let count = nghttp2_session_mem_send(handle, &data)
      isBusy = false
      guard count > 0 else {
        if count < 0, failure == nil {
          failure = Self.error(code: Int32(truncatingIfNeeded: count))
        }
        break
      }
      if let failure { terminate(failure.code, after: failure.reason) }
      write(RawSpan(_unsafeStart: UnsafeRawPointer(data.unsafelyUnwrapped), byteCount: count))
      total += count
    }
    return total
  }

  /// Whether both directions came to their end, after GOAWAY or an error: nothing is left to be
  /// sent or to be waited for, and the connection is to be closed.
  public var isFinished: Bool {
    if failure?.reason == .notHTTP2 { return true }
    return nghttp2_session_want_write(handle) == 0
      && (failure != nil || nghttp2_session_want_read(handle) == 0)
  }

  /// Whether `takeOutput` may have something to give.
  public var hasOutput: Bool { nghttp2_session_want_write(handle) != 0 }

  /// A number for the frame, or the header block of several frames, whose end the peer still owes;
  /// nil when it owes none. The number is another for the next.
  public var unfinishedFrame: UInt64? { scanner.unfinished?.number }

  /// Whether that frame is DATA of a stream that takes them: then it is for the stream to say how
  /// long they may take. Of all others nobody knows yet whom they concern.
  public var isUnfinishedFrameOfStream: Bool {
    guard let id = scanner.unfinished?.dataStream, let stream = streams[id] else { return false }
    return !stream.isRemoteClosed
  }

  /// Whether more frames wait to be sent than is good: read no more from the peer until they went.
  public var isOutputCongested: Bool {
    nghttp2_session_get_outbound_queue_size(handle) > settings.floods.maxQueuedFrames
  }

  /// When the peer is to be read again, after more resets than `FloodLimits.excusedResets` allow;
  /// nil = now.
  public func pauseEnd(now: UInt64) -> UInt64? { flood.pauseEnd(now: now) }

  /// Ends every open stream, because the connection is gone: their delegates get `didClose`.
  ///
  /// Nothing can be sent or received after it.
  public func connectionClosed(_ code: ErrorCode) {
    isConnectionGone = true
    if failure == nil {
      failure = .connection(.closing, code, "the connection is closed")
    }
    let open = streams.values.sorted { $0.id < $1.id }
    streams.removeAll()
    for stream in open { stream.close(code) }
  }

  // MARK: Errors

  /// Ends the session from within a callback; `receive` throws the first such error.
  func fail(_ error: HTTP2Error) {
    if failure == nil { failure = error }
  }

  private func terminate(_ code: ErrorCode, after reason: HTTP2Error.Reason) {
    guard reason != .notHTTP2, reason != .closing, !hasSaidWhy else { return }
    _ = nghttp2_session_terminate_session(handle, code.rawValue)
  }

  private static func error(code: Int32) -> HTTP2Error {
    switch nghttp2_error(code) {
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC:
      return .connection(.notHTTP2, .protocolError, "no HTTP/2 connection preface")
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      return .connection(
        .flood, .enhanceYourCalm, "header fields that are too long: too many CONTINUATION frames")
    case NGHTTP2_ERR_FLOODED:
      return .connection(.flood, .enhanceYourCalm, String(cString: nghttp2_strerror(code)))
    case NGHTTP2_ERR_NOMEM:
      return .connection(.outOfMemory, .internalError, "out of memory")
    default:
      return .connection(
        .protocolViolation, .protocolError, String(cString: nghttp2_strerror(code)))
    }
  }
}
