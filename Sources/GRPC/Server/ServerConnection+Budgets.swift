import NIOCore
import Synchronization

/// What a connection may hold for its client: bytes of requests that are not answered, and of
/// answers that are not taken.
extension ServerConnection {
  // MARK: Requests

  /// Takes bytes from the budget for requests, or gives them back; false when it is used up.
  func bufferRequest(_ count: Int) -> Bool {
    guard count <= 0 || bufferedRequestBytes + count <= configuration.maxBufferedRequestBytes else {
      counters.requestBytesRefusedPerConnection.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    bufferedRequestBytes += count
    return true
  }

  /// Takes bytes from the server's budget for requests, of which a connection has its share, or
  /// gives them back; false when it is used up.
  ///
  /// - Parameter ofCall: what the call holds already.
  func holdRequest(_ count: Int, ofCall: Int) -> Bool {
    let total = counters.requestBytes.load(ordering: .relaxed)
    guard requestBudget.fits(count, ofCall: ofCall, held: heldRequestBytes, total: total) else {
      counters.requestBytesRefused.wrappingAdd(1, ordering: .relaxed)
      return false
    }
    // Other loops may have taken bytes since.
    guard counters.holdRequest(count, limit: configuration.maxRequestBytes) else { return false }
    heldRequestBytes += count
    return true
  }

  // MARK: Responses

  /// Counts bytes of responses that wait, or that left. From any thread.
  func bufferResponse(_ count: Int) {
    mailbox.bufferedResponseBytes.add(count, ordering: .relaxed)
    counters.responseBytes.add(count, ordering: .relaxed)
  }

  /// Bytes of responses that wait. From any thread.
  var bufferedResponseBytes: Int { mailbox.bufferedResponseBytes.load(ordering: .relaxed) }

  /// Whether so little waits that more may begin. Of a large answer only the beginning counts: it
  /// is the client's own business to read one stream before another. From any thread.
  var hasRoomForResponses: Bool {
    bufferedResponseBytes - mailbox.harmlessResponseBytes.load(ordering: .relaxed)
      < configuration.maxBufferedResponseBytesPerConnection
  }

  /// Says whether there is room for what handlers send. A refusal is remembered before it is told:
  /// the loop looks for room once more after it, and when there is some, all who were refused go
  /// on. From any thread; the call's lock is held, so that `resumeHandler` comes after the refusal
  /// is noted in it.
  func findsRoom() -> Bool {
    if hasRoomForResponses { return true }
    if !mailbox.lacksRoom.exchange(true, ordering: .acquiringAndReleasing) {
      eventLoop.execute { self.driver.flushNow() }
    }
    return false
  }

  /// Whether the connection and the server may hold `bytes` more.
  func mayHoldResponse(_ bytes: Int) -> Bool {
    budget.fits(
      bytes, held: bufferedResponseBytes, total: counters.responseBytes.load(ordering: .relaxed))
  }

  /// Whether a complete request may go to its handler; if not, it waits, or was refused because the
  /// server is full.
  func mayBegin(_ call: ServerStream) -> Bool {
    if waiting.isEmpty, !isAllButOver(call), hasRoom(forAnswerOf: call) { return isServed(call) }
    call.ticket = waiting.append(call)
    return false
  }

  /// Whether a call has so little time left that what is being read may bring its reset: it begins
  /// behind that, in its turn. A client that has more calls than a connection takes sends many such
  /// when their deadlines pass together; and an attacker is not worked for.
  private func isAllButOver(_ call: ServerStream) -> Bool {
    guard driver.isGathering, let deadline = call.deadline else { return false }
    return deadline - now <= Self.littleTime
  }

  private static let littleTime = TimeAmount.seconds(3)

  /// Begins what waits and may begin now; what has no time left ends instead.
  func beginWaiting() {
    guard !waiting.isEmpty else { return }
    let now = NIODeadline.now()
    while let call = waiting.first() {
      if let deadline = call.deadline, deadline <= now {
        leaveLine(call)
        call.expire()
        continue
      }
      guard hasRoom(forAnswerOf: call) else { return }
      leaveLine(call)
      if isServed(call) { call.begin() }
    }
  }

  /// A call waits no more.
  func leaveLine(_ call: ServerStream) {
    guard let ticket = call.ticket else { return }
    call.ticket = nil
    waiting.remove(ticket)
  }

  /// Whether the connection has room for the answer, as far as its length is known. When nothing
  /// waits to be read, a call is not kept from what it may do by the answers of others: these may
  /// be long in coming, and wait for this call. Only a read that was made in vain once waits for
  /// its room.
  private func hasRoom(forAnswerOf call: ServerStream) -> Bool {
    guard hasRoomForResponses else { return false }
    if call.neededResponseBytes == 0, bufferedResponseBytes == 0 { return true }
    let held = bufferedResponseBytes + reservedResponseBytes
    return held == 0 || held + expected(of: call) <= configuration.maxUnreadBytesPerConnection
  }

  /// Sets room aside for a read that is made again, which is soon over; refuses the call, before
  /// anything of it is done, when the server has no room.
  private func isServed(_ call: ServerStream) -> Bool {
    guard mayHoldResponse(expected(of: call)) else {
      counters.responseBytesRefused.wrappingAdd(1, ordering: .relaxed)
      call.fail(.tooMuchUnread)
      return false
    }
    reservedResponseBytes += call.neededResponseBytes
    call.reservedResponseBytes = call.neededResponseBytes
    return true
  }

  private func expected(of call: ServerStream) -> Int {
    max(call.neededResponseBytes, expectedSizes[call.head.path])
  }

  /// Gives back what was set aside for a call: its answer is there.
  func release(_ call: ServerStream) {
    guard call.reservedResponseBytes > 0 else { return }
    reservedResponseBytes -= call.reservedResponseBytes
    call.reservedResponseBytes = 0
    if !waiting.isEmpty { driver.setNeedsFlush() }
  }
}

extension RPCStatus {
  static let tooMuchUnread = RPCStatus(
    code: .resourceExhausted, message: "too many bytes of answers wait to be read")
  /// The call has run: the client has to find out how it ended.
  static let answerDropped = RPCStatus(
    code: .unavailable,
    message: "the answer was dropped, because too many bytes of answers wait to be read")
}
