import CNghttp2

/// What nghttp2 reports while it receives or sends.
extension Session {
  /// Finds the stream by the address that nghttp2 keeps for it; faster than the dictionary.
  private func known(_ id: Int32) -> HTTP2Stream? {
    nghttp2_session_get_stream_user_data(handle, id).map {
      Unmanaged<HTTP2Stream>.fromOpaque($0).takeUnretainedValue()
    }
  }

  // MARK: Receiving

  /// A frame begins; false ends the connection.
  func beganFrame(_ header: nghttp2_frame_hd) -> Bool {
    guard nghttp2_frame_type(UInt32(header.type)) == NGHTTP2_SETTINGS,
      header.flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) == 0,
      let error = flood.receivedSettings(now: now)
    else { return true }
    fail(error)
    return false
  }

  /// One field of a header list; false ends the stream, and nothing more of the list is told.
  func receivedHeader(
    on id: Int32, name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>
  ) -> Bool {
    headers.append(name: name, value: value, limits: settings.headers)
    guard headers.size > settings.headers.listSize else { return true }
    wastedHeaderBytes += headers.size
    known(id)?.failure = HTTP2Error(
      scope: .stream(id), reason: .headerListTooLarge, code: .enhanceYourCalm,
      message: "header fields of more than \(settings.headers.listSize) bytes")
    _ = nghttp2_submit_rst_stream(handle, 0, id, ErrorCode.enhanceYourCalm.rawValue)
    return false
  }

  func receivedFrame(_ frame: nghttp2_frame) {
    let flags = frame.hd.flags
    switch nghttp2_frame_type(UInt32(frame.hd.type)) {
    case NGHTTP2_HEADERS:
      receivedHeaders(of: frame)
      if flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        receivedEnd(on: frame.hd.stream_id)
      }
    case NGHTTP2_DATA:
      if flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0 {
        receivedEnd(on: frame.hd.stream_id)
      }
    case NGHTTP2_RST_STREAM:
      // One that crosses our end of the stream is a frame without use, and no haste.
      if let stream = known(frame.hd.stream_id), !stream.isReset {
        countReset(of: stream, mayBeDue: true)
      }
    case NGHTTP2_SETTINGS:
      if flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 {
        delegate?.sessionDidReceiveSettingsAcknowledgement(self)
      } else {
        delegate?.sessionDidReceiveSettings(self)
      }
    case NGHTTP2_PING:
      guard flags & UInt8(NGHTTP2_FLAG_ACK.rawValue) != 0 else {
        delegate?.sessionDidReceivePing(self)
        return
      }
      let payload = withUnsafeBytes(of: frame.ping.opaque_data) {
        $0.loadUnaligned(as: UInt64.self)
      }
      delegate?.session(self, didReceivePingAcknowledgement: UInt64(bigEndian: payload))
    case NGHTTP2_GOAWAY:
      let goaway = frame.goaway
      let debug = UnsafeBufferPointer(start: goaway.opaque_data, count: goaway.opaque_data_len)
      delegate?.session(
        self, didReceiveGoAway: goaway.last_stream_id, code: ErrorCode(rawValue: goaway.error_code),
        debugData: Array(debug))
    default:
      break
    }
  }

  private func receivedHeaders(of frame: nghttp2_frame) {
    let id = frame.hd.stream_id
    if isBlockShortened { headers.isTruncated = true }
    if headers.isTruncated { wastedHeaderBytes += headers.size }
    if frame.headers.cat == NGHTTP2_HCAT_REQUEST {
      acceptedHeaders += 1
      let stream = HTTP2Stream(id: id, session: self)
      stream.isSent = true
      streams[id] = stream
      let address = Unmanaged.passUnretained(stream).toOpaque()
      _ = nghttp2_session_set_stream_user_data(handle, id, address)
      delegate?.session(self, didOpen: stream, headers: headers)
      return
    }
    guard let stream = known(id) else { return }
    let kind: HeadersKind
    if role == .server || stream.hasResponse {
      kind = .trailers
    } else if headers.first?.value.first == UInt8(ascii: "1") {
      kind = .informational  // nghttp2 saw to it that :status comes first.
    } else {
      kind = .response
      stream.hasResponse = true
    }
    // Of interim responses there may be any number, so they pay for nothing.
    if kind != .informational { acceptedHeaders += 1 }
    stream.delegate?.stream(stream, didReceive: headers, kind: kind)
  }

  private func receivedEnd(on id: Int32) {
    guard let stream = known(id) else { return }
    stream.isRemoteClosed = true
    stream.delegate?.streamDidReceiveEnd(stream)
  }

  /// A client resets its own calls as it likes; on a server the peer is behind all of them.
  ///
  /// What an attack gains is the haste: a stream that lived for a while took one of the places that
  /// the settings allow, so that their number bounds its kind already. Clients reset each call
  /// whose deadline passes, in an outage hundreds at a time. When the deadlines of more calls than
  /// a connection takes pass together, those that waited in the client are sent as the first ones
  /// end, with next to no time left, and reset at once.
  ///
  /// - Parameters:
  ///   - stream: nil when it never came to be, or is closed.
  ///   - mayBeDue: whether the end of its time may be the reason.
  private func countReset(of stream: HTTP2Stream?, mayBeDue: Bool) {
    guard role == .server else { return }
    if let stream {
      if now - stream.openedAt >= Self.rapidResetNanoseconds { return }
      if mayBeDue, let deadline = stream.deadline, deadline <= now + Self.nearNanoseconds {
        flood.excusedReset(hadBegunWork: stream.hasBegunWork, now: now)
        return
      }
    }
    if let error = flood.reset(now: now) { fail(error) }
  }

  /// A stream that was open for as long is not reset rapidly.
  private static let rapidResetNanoseconds: UInt64 = 100_000_000

  /// A deadline that is no farther away may have passed in the client: its bytes may have waited on
  /// their way, in sockets and while it was not read, which is about two seconds at most. That it
  /// is near is the client's word, and no more: so these have a budget, too.
  private static let nearNanoseconds: UInt64 = 3_000_000_000

  func receivedData(_ data: RawSpan, on id: Int32) {
    guard let stream = known(id), let delegate = stream.delegate else {
      _ = nghttp2_session_consume(handle, id, data.byteCount)
      return
    }
    stream.unconsumedBytes += data.byteCount
    delegate.stream(stream, didReceive: data)
  }

  func streamClosed(_ id: Int32, _ code: ErrorCode) {
    guard let stream = streams.removeValue(forKey: id) else { return }
    // The stream's window is gone, the connection's is not.
    if stream.unconsumedBytes > 0 {
      _ = nghttp2_session_consume_connection(handle, stream.unconsumedBytes)
    }
    stream.close(code)
  }

  // MARK: Sending

  func sentFrame(_ frame: nghttp2_frame) {
    let endsStream = frame.hd.flags & UInt8(NGHTTP2_FLAG_END_STREAM.rawValue) != 0
    switch nghttp2_frame_type(UInt32(frame.hd.type)) {
    case NGHTTP2_HEADERS:
      if role == .client { known(frame.hd.stream_id)?.isSent = true }
      if endsStream { sentEnd(on: frame.hd.stream_id) }
    case NGHTTP2_DATA:
      flood.sent(payloadBytes: frame.hd.length, now: now)
      if endsStream { sentEnd(on: frame.hd.stream_id) }
    case NGHTTP2_RST_STREAM:
      sentReset(of: frame.hd.stream_id, ErrorCode(rawValue: frame.rst_stream.error_code))
    case NGHTTP2_GOAWAY where owesShutdownNotice && frame.goaway.last_stream_id == Int32.max:
      owesShutdownNotice = false
      delegate?.sessionDidSendShutdownNotice(self)
    default:
      break
    }
  }

  private func sentReset(of id: Int32, _ code: ErrorCode) {
    if role == .server, code == .refusedStream {
      if let error = flood.refused(now: now) { fail(error) }
    } else {
      // Behind an answer, that of a deadline for instance; other codes are what the peer provoked.
      countReset(of: known(id), mayBeDue: code == .noError)
    }
  }

  /// A server that answered before the request ended asks the client to stop sending it
  /// (RFC 9113 section 8.1). That can go only after the end of the answer: nghttp2 drops what is
  /// queued behind RST_STREAM.
  private func sentEnd(on id: Int32) {
    flood.sentEnd(now: now)
    guard role == .server, let stream = known(id), !stream.isRemoteClosed else { return }
    stream.reset(.noError)
  }

  /// A frame could not be sent. Without its header fields an answer would never end: reset it. The
  /// stream of a request closes by itself; it could not be sent on another connection either,
  /// unless only this one takes no more.
  func failedToSend(_ frame: nghttp2_frame, code: Int32) {
    guard nghttp2_frame_type(UInt32(frame.hd.type)) == NGHTTP2_HEADERS else { return }
    switch nghttp2_error(code) {
    case NGHTTP2_ERR_STREAM_CLOSING, NGHTTP2_ERR_STREAM_CLOSED, NGHTTP2_ERR_SESSION_CLOSING,
      NGHTTP2_ERR_START_STREAM_NOT_ALLOWED, NGHTTP2_ERR_STREAM_ID_NOT_AVAILABLE:
      return
    default:
      break
    }
    let id = frame.hd.stream_id
    switch role {
    case .server:
      streams[id]?.reset(.internalError)
    case .client:
      streams[id]?.failure = HTTP2Error(
        scope: .stream(id), reason: .unsendable, code: .internalError,
        message: "header fields that are too long to be sent")
    }
  }

  /// Lets the stream's delegate write the next piece of its body.
  ///
  /// - Returns: the number of bytes, or a code of nghttp2's.
  func readBody(
    of stream: HTTP2Stream, into memory: UnsafeMutableRawBufferPointer, flags: inout UInt32
  ) -> Int {
    guard let delegate = stream.delegate else {
      return Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)
    }
    var writer = BodyWriter(memory)
    switch delegate.stream(stream, readBodyInto: &writer) {
    case .open:
      if writer.byteCount == 0 { return Int(NGHTTP2_ERR_DEFERRED.rawValue) }
    case .end:
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue
    case .trailers:
      flags |= NGHTTP2_DATA_FLAG_EOF.rawValue | NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue
    }
    return writer.byteCount
  }
}
