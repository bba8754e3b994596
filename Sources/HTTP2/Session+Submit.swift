import CNghttp2

/// What is to be sent. All of it only queues: `takeOutput` has the bytes.
extension Session {
  /// Opens a stream with a request (clients only).
  ///
  /// Requests above the peer's limit of concurrent streams wait inside and leave in order; see
  /// `remoteSettings` and `HTTP2Stream.isSent`.
  ///
  /// - Parameters:
  ///   - headers: fields that go after those of `prefix`.
  ///   - prefix: fields that go first. Pseudo-header fields come before all others in both
  ///     together.
  ///   - hasBody: whether the delegate is asked for a body; without one the fields end our side.
  ///   - delegate: is told what happens on the stream.
  /// - Throws: `streamIDsExhausted`, `closing` (after GOAWAY, or a broken session) or
  ///   `outOfMemory`.
  public func submitRequest(
    _ headers: HeaderList, prefix: StaticHeaders = .none, hasBody: Bool,
    delegate: any StreamDelegate
  ) throws(HTTP2Error) -> HTTP2Stream {
    guard role == .client, failure == nil, nghttp2_session_check_request_allowed(handle) != 0 else {
      let exhausted = nghttp2_session_get_next_stream_id(handle) > 0x7fff_ffff
      throw exhausted
        ? .connection(.streamIDsExhausted, .noError, "all stream identifiers are used")
        : .connection(.closing, .noError, "the connection takes no new requests")
    }
    let id = Int32(truncatingIfNeeded: nghttp2_session_get_next_stream_id(handle))
    let stream = HTTP2Stream(id: id, session: self, delegate: delegate)
    let user = Unmanaged.passUnretained(stream).toOpaque()
    var body = SessionCallbacks.body(of: stream)
    let result = withFields(prefix, headers) { fields, count in
      hasBody
        ? nghttp2_submit_request(handle, nil, fields, count, &body, user)
        : nghttp2_submit_request(handle, nil, fields, count, nil, user)
    }
    guard result == id else {
      stream.session = nil
      throw .connection(.outOfMemory, .internalError, String(cString: nghttp2_strerror(result)))
    }
    streams[id] = stream
    return stream
  }

  /// The size of a request's header fields and what the peer takes (SETTINGS_MAX_HEADER_LIST_SIZE),
  /// if that is less; nil when they may be sent. In bytes as `HeaderList.size` counts.
  public func excess(
    of headers: HeaderList, prefix: StaticHeaders = .none
  ) -> (size: Int, limit: Int)? {
    let size = headers.size + prefix.size
    let limit = peerHeaderListSize
    return size > limit ? (size, limit) : nil
  }

  /// The largest header list that the peer takes, as it announced (SETTINGS_MAX_HEADER_LIST_SIZE);
  /// 2^32 - 1 when it did not. In bytes as `HeaderList.size` counts.
  public var peerHeaderListSize: Int {
    Int(nghttp2_session_get_remote_settings(handle, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  func submitResponse(
    _ stream: HTTP2Stream, _ prefix: StaticHeaders, _ headers: HeaderList, hasBody: Bool
  ) {
    var body = SessionCallbacks.body(of: stream)
    _ = withFields(prefix, headers) { fields, count in
      hasBody
        ? nghttp2_submit_response(handle, stream.id, fields, count, &body)
        : nghttp2_submit_response(handle, stream.id, fields, count, nil)
    }
  }

  func submitTrailers(_ stream: HTTP2Stream, _ prefix: StaticHeaders, _ headers: HeaderList) {
    _ = withFields(prefix, headers) { fields, count in
      nghttp2_submit_trailer(handle, stream.id, fields, count)
    }
  }

  func resumeBody(_ stream: HTTP2Stream) {
    _ = nghttp2_session_resume_data(handle, stream.id)
  }

  func isBlocked(_ stream: HTTP2Stream) -> Bool {
    nghttp2_session_get_stream_remote_window_size(handle, stream.id) <= 0
  }

  func reset(_ stream: HTTP2Stream, _ code: ErrorCode) {
    stream.isReset = true
    _ = nghttp2_submit_rst_stream(handle, 0, stream.id, code.rawValue)
  }

  func consume(_ stream: HTTP2Stream, _ count: Int) {
    let count = min(count, stream.unconsumedBytes)
    guard count > 0 else { return }
    stream.unconsumedBytes -= count
    _ = nghttp2_session_consume(handle, stream.id, count)
  }

  func consumeOfConnection(_ stream: HTTP2Stream, _ count: Int) {
    let count = min(count, stream.unconsumedBytes)
    guard count > 0 else { return }
    stream.unconsumedBytes -= count
    _ = nghttp2_session_consume_connection(handle, count)
  }

  func openWindow(_ stream: HTTP2Stream, to size: Int, consumed: Int) {
    if consumed > 0 { _ = nghttp2_session_consume_stream(handle, stream.id, consumed) }
    guard size > nghttp2_session_get_stream_effective_local_window_size(handle, stream.id) else {
      return
    }
    _ = nghttp2_session_set_local_window_size(handle, 0, stream.id, Int32(clamping: size))
  }

  /// Sends a PING; its acknowledgement brings the same payload back.
  public func submitPing(payload: UInt64) {
    withUnsafeBytes(of: payload.bigEndian) {
      _ = nghttp2_submit_ping(handle, 0, $0.baseAddress?.assumingMemoryBound(to: UInt8.self))
    }
  }

  /// The first step of an orderly end (servers only): GOAWAY with the highest stream identifier,
  /// which asks the client to open no more streams while those on their way are still accepted
  /// (RFC 9113 section 6.8). `SessionDelegate.sessionDidSendShutdownNotice` follows when it left;
  /// call `submitGoAway` a round trip after that.
  public func submitShutdownNotice() {
    owesShutdownNotice = true
    _ = nghttp2_submit_shutdown_notice(handle)
  }

  /// Says that streams above one are not processed. Those that are open go on; `isFinished` when
  /// they ended. Until the frame has left, a server still hears of new streams: it has to refuse
  /// those above the identifier.
  ///
  /// - Parameters:
  ///   - lastStreamID: the last stream that is processed; nil = the last one that came.
  ///   - debugData: text for the peer's log, such as `too_many_pings`.
  public func submitGoAway(
    _ code: ErrorCode, lastStreamID: Int32? = nil, debugData: String = ""
  ) {
    if code != .noError { hasSaidWhy = true }
    let last = lastStreamID ?? nghttp2_session_get_last_proc_stream_id(handle)
    var text = debugData
    text.withUTF8 {
      _ = nghttp2_submit_goaway(handle, 0, last, code.rawValue, $0.baseAddress, $0.count)
    }
  }

  /// Sends GOAWAY and ends the session with it: what is open is not finished any more.
  public func terminate(_ code: ErrorCode) {
    _ = nghttp2_session_terminate_session(handle, code.rawValue)
  }

  /// What the peer announced last; the RFC's initial values until its SETTINGS came.
  public var remoteSettings: RemoteSettings {
    RemoteSettings(
      maxConcurrentStreams: nghttp2_session_get_remote_settings(
        handle, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS),
      initialWindowSize: nghttp2_session_get_remote_settings(
        handle, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE),
      maxHeaderListSize: nghttp2_session_get_remote_settings(
        handle, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
  }

  /// The open stream of that identifier, if there is one.
  public func stream(_ id: Int32) -> HTTP2Stream? { streams[id] }

  /// The streams that are open or wait to be opened, in no order.
  public var openStreams: some Collection<HTTP2Stream> { streams.values }

  /// How many streams are open or wait to be opened.
  public var openStreamCount: Int { streams.count }

  /// Whether `submitRequest` can open another stream on this connection.
  public var canSubmitRequest: Bool {
    failure == nil && nghttp2_session_check_request_allowed(handle) != 0
  }
}

/// The peer's SETTINGS, as far as they matter to a user of a session.
public struct RemoteSettings: Sendable, Equatable {
  /// How many streams we may have open at once; 2^32 - 1 when the peer named no limit.
  public let maxConcurrentStreams: UInt32
  /// How many bytes may be sent on a new stream before the peer opens its window.
  public let initialWindowSize: UInt32
  /// The largest header list that the peer takes; 2^32 - 1 when it named no limit.
  public let maxHeaderListSize: UInt32
}
