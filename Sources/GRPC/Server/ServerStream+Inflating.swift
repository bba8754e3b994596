import NIOCore

/// How a compressed request goes on when it was inflated in several slices.
extension ServerStream: InflateOwner {
  var inflateLane: ObjectIdentifier { ObjectIdentifier(connection) }

  func mayHold(_ bytes: Int) -> Bool {
    holdRequest(deframer.bufferedBytes + bytes)
  }

  func inflationEnded(_ end: InflateJob.End) {
    inflating = nil
    guard ending == nil, let http else { return }
    connection.driver.beginTurn()
    defer { connection.driver.setNeedsFlush() }
    do throws(RPCStatus) {
      try receive(try inflated(end), isLast: http.isRemoteClosed)
    } catch {
      if saysMuch { abort(error) } else { fail(error) }
    }
  }

  /// The message of an inflation that has ended.
  func inflated(_ end: InflateJob.End) throws(RPCStatus) -> ByteBuffer {
    switch end {
    case .inflated(let message): return message
    case .failed(let error): throw refusal(error)
    case .refused: throw .tooMuchUnderWay
    }
  }

  private func receive(_ next: ByteBuffer, isLast: Bool) throws(RPCStatus) {
    message = next
    if case .bidirectional = handler {
      deliverRequests()
      _ = holdRequest(receivedBytes)  // Less than before: giving back never fails.
    } else if isLast {
      try completeUnary()
    }
  }

  func stopInflating() {
    inflating?.cancel()
    inflating = nil
  }
}
