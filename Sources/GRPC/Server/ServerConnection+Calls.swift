import HTTP2
import NIOCore
import Synchronization

/// New calls, and what calls ask of their connection.
extension ServerConnection {
  /// Answers a request that no handler sees, or makes a call of it.
  func open(_ http: HTTP2Stream, _ head: RequestHead, headBytes: Int) {
    http.deadline = head.timeout.map {
      Timeout.deadline(after: $0, from: now).uptimeNanoseconds
    }
    switch head.refusal {
    case .http(let status):
      http.submitResponse(AnswerFields.http(status), hasBody: false)
      return
    case .status(let status):
      refuse(http, head, status)
      return
    case nil:
      break
    }
    guard let method = router.method(for: head.path) else {
      refuse(http, head, .unknownMethod(head.path))
      return
    }
    var caller: (any Sendable)?
    if let admit = configuration.admit {
      switch admit(asked(head)) {
      case .admitted(let admitted): caller = admitted
      case .refused(let status):
        refuse(http, head, status, follower: configuration.follow?(asked(head)))
        return
      }
    }
    let limit = Int(configuration.http2.maxConcurrentStreams)
    guard let permit = runningCalls.permit(limit: limit) else {
      counters.streamsRefused.wrappingAdd(1, ordering: .relaxed)
      http.reset(.refusedStream)
      return
    }
    lifetime.openedCall()
    let call = ServerStream(
      http, head: head, headBytes: headBytes, method: method, caller: caller,
      follower: configuration.follow?(asked(head)), permit: permit, connection: self, now: now)
    http.delegate = call
    call.start()
  }

  private func asked(_ head: RequestHead) -> CallHead {
    CallHead(
      path: head.path, metadata: head.metadata, peer: peer, peerUser: identity.user,
      certificate: identity.certificate, connection: number)
  }

  private func refuse(
    _ http: HTTP2Stream, _ head: RequestHead, _ status: RPCStatus,
    follower: (any CallFollower)? = nil
  ) {
    if status.code == .resourceExhausted {
      counters.messagesRefused.wrappingAdd(1, ordering: .relaxed)
    }
    let method = router.method(for: head.path)
    let observer = method.map(\.observer) ?? router.unknownObserver
    observer?.callStarted()
    observer?.callEnded(CallSummary(code: status.code, nanoseconds: 0))
    follower?.callEnded(CallSummary(code: status.code, nanoseconds: 0))
    let status = configuration.annotate(status)
    http.submitResponse(
      AnswerFields.status(status, limit: clientHeaderListSize),
      prefix: AnswerFields.head(namesProto: head.namesProto, encoding: .identity),
      hasBody: false)
  }

  /// The largest list of header fields that the client takes.
  var clientHeaderListSize: Int { session.peerHeaderListSize }

  /// The calls that are open on the wire.
  func calls() -> [ServerStream] {
    session.openStreams.compactMap { $0.delegate as? ServerStream }
  }

  /// A call closed on the wire; its handler may still run.
  func closedStream() {
    lifetime.closedCall(now: now)
  }

  /// Frames of a call were submitted.
  func sentCallFrames() {
    lifetime.sentCallFrames()
    driver.setNeedsFlush()
  }

  /// Bytes of a streaming response left; its handler is told after the flush.
  func noteSent(_ count: Int, on call: ServerStream) {
    progressed.append((call, count))
  }

  // MARK: Answers

  /// Takes an answer from any thread to its call.
  func deliver(_ answer: Answer, of call: ServerStream) {
    if eventLoop.inEventLoop {
      // What the call said on other threads before is not to be overtaken.
      if call.saysMuch { performMail() }
      call.perform(answer)
    } else if mailbox.put(call, answer) {
      eventLoop.execute { self.driver.gather { self.performMail() } }
    }
  }

  private func performMail() {
    for (call, answer) in mailbox.takeAll() { call.perform(answer) }
  }
}

extension RPCStatus {
  /// How much of a request's own words an error repeats, in characters: it costs memory until it
  /// left.
  static let maxEcho = 200

  static func unknownMethod(_ path: String) -> RPCStatus {
    RPCStatus(
      code: .unimplemented, message: "the server has no method \(path.prefix(RPCStatus.maxEcho))")
  }
}

// MARK: The session

extension ServerConnection {
  func session(_ session: Session, didOpen stream: HTTP2Stream, headers: HeaderList) {
    guard lifetime.openedStream(stream.id) else {
      stream.reset(.refusedStream)
      return
    }
    open(stream, RequestHead(headers), headBytes: Self.memory(of: headers))
  }

  /// What a call takes with its header fields, about: names and values lie in memory of their own.
  private static func memory(of headers: HeaderList) -> Int {
    2_048 + headers.size + 96 * headers.count
  }

  func sessionDidSendShutdownNotice(_ session: Session) {
    perform(lifetime.sentAnnouncement())
  }

  func sessionDidReceiveSettings(_ session: Session) {
    lifetime.completedHandshake()
    driver.updateTimer()
  }

  func sessionDidReceivePing(_ session: Session) {
    perform(lifetime.receivedPing(now: now))
  }

  func session(_ session: Session, didReceivePingAcknowledgement payload: UInt64) {
    lifetime.receivedPingAcknowledgement(payload: payload)
  }
}
