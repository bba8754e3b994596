import CNghttp2

/// nghttp2's callbacks, one set for the process. They translate C to `Session`, and decide nothing.
///
/// None of them fails for a reason that concerns one stream only, and none throws away a session
/// without `Session.failure` being set.
struct SessionCallbacks: @unchecked Sendable {
  // Safe to share: written once, in `init`, and only read by nghttp2 afterwards.
  let pointer: OpaquePointer?

  static let shared = SessionCallbacks()

  private init() {
    var callbacks: OpaquePointer?
    guard nghttp2_session_callbacks_new(&callbacks) == 0 else {
      pointer = nil
      return
    }
    Self.setReceiving(callbacks)
    Self.setSending(callbacks)
    pointer = callbacks
  }

  private static func setReceiving(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks) { _, header, user in
      guard let header else { return 0 }
      return with(user) { $0.beganFrame(header.pointee) } ?? false ? 0 : failed
    }
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, _, user in
      with(user) { $0.headers.removeAll() }
      return 0
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks) {
      _, frame, name, nameLength, value, valueLength, _, user in
      guard let frame else { return 0 }
      let id = frame.pointee.hd.stream_id
      let name = UnsafeBufferPointer(start: name, count: nameLength)
      let value = UnsafeBufferPointer(start: value, count: valueLength)
      return with(user) { $0.receivedHeader(on: id, name: name, value: value) } ?? false
        ? 0 : failedHeaders
    }
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
      guard let frame else { return 0 }
      with(user) { $0.receivedFrame(frame.pointee) }
      return with(user) { $0.failure == nil } ?? false ? 0 : failed
    }
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
      _, _, id, data, count, user in
      let bytes = UnsafeRawBufferPointer(start: data, count: count)
      with(user) { $0.receivedData(RawSpan(_unsafeBytes: bytes), on: id) }
      return 0
    }
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
      with(user) { $0.streamClosed(id, ErrorCode(rawValue: code)) }
      return 0
    }
  }

  private static func setSending(_ callbacks: OpaquePointer?) {
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
      guard let frame else { return 0 }
      with(user) { $0.sentFrame(frame.pointee) }
      return 0
    }
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks) { _, frame, code, user in
      guard let frame else { return 0 }
      with(user) { $0.failedToSend(frame.pointee, code: code) }
      return 0
    }
  }

  /// The source of a stream's body: the stream's own address, valid as long as the stream is open.
  static func body(of stream: HTTP2Stream) -> nghttp2_data_provider {
    var provider = nghttp2_data_provider()
    provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
    provider.read_callback = { _, _, buffer, length, flags, source, user in
      guard let pointer = source?.pointee.ptr, let flags else { return failedStream }
      let stream = Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
      let memory = UnsafeMutableRawBufferPointer(start: buffer, count: length)
      return with(user) { $0.readBody(of: stream, into: memory, flags: &flags.pointee) }
        ?? failedStream
    }
    return provider
  }
}

/// Ends `nghttp2_session_mem_recv`; `Session.failure` says why.
private let failed = Int32(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

/// Ends one stream by what was submitted, and decodes the rest of its header block in silence.
private let failedHeaders = Int32(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)

/// Ends one stream.
private let failedStream = Int(NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE.rawValue)

/// Calls `body` with the session whose address nghttp2 keeps.
@discardableResult
private func with<Result>(
  _ user: UnsafeMutableRawPointer?, _ body: (Session) -> Result
) -> Result? {
  guard let user else { return nil }
  return Unmanaged<Session>.fromOpaque(user)._withUnsafeGuaranteedRef(body)
}
