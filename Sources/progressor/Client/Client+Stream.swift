import GRPC
import NIOCore
import ProgressorProto
import Synchronization

extension Client {
  /// Calls a method that reads, and answers with any number of messages; returns when it ends.
  ///
  /// - Parameters:
  ///   - request: Made anew for each server that is asked.
  ///   - message: Called for each in its order, on the loop of the connection: no more is read
  ///     until it returns. False = that is enough.
  /// - Throws: How it ended, always when nothing came within the command's timeout, or nothing for
  ///   two minutes afterwards.
  func stream<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ service: String, _ method: String, _ request: @Sendable () -> Request,
    message: @escaping @Sendable (Response) -> Bool
  ) async throws(ClientFailure) {
    let (metadata, timeout) = (metadata, TimeAmount.microseconds(Int64(timeout)))
    try await asking(service, method) { channel throws(Ending) in
      let promise = channel.eventLoop.makePromise(of: UnaryResult.self)
      let bytes = ByteBuffer(bytes: request().encoded())
      channel.eventLoop.execute {
        Reading(channel, promise, message).begin(
          path: "/\(service)/\(method)", metadata, bytes, timeout)
      }
      // Nothing fails the promise.
      let result = try? await promise.futureResult.get()
      guard let result, result.status.isOK else {
        throw Ending(status: result?.status ?? RPCStatus(code: .cancelled), result: result)
      }
    }
  }
}

/// A stream of answers that is being read. On its channel's loop.
private final class Reading<Response: ProtobufMessage>: Sendable {
  private struct State {
    var call: StreamingCall?
    /// Ends the call when nothing comes.
    var silence: Scheduled<Void>?
    var failure: RPCStatus?
  }

  private let channel: GRPCChannel
  private let promise: EventLoopPromise<UnaryResult>
  private let message: @Sendable (Response) -> Bool
  private let state = Mutex(State())

  /// How long a server that has answered may say nothing: it sends a sign of life every 30 seconds.
  private static var patience: TimeAmount { .seconds(120) }

  init(
    _ channel: GRPCChannel, _ promise: EventLoopPromise<UnaryResult>,
    _ message: @escaping @Sendable (Response) -> Bool
  ) {
    (self.channel, self.promise, self.message) = (channel, promise, message)
  }

  func begin(path: String, _ metadata: Metadata, _ request: ByteBuffer, _ timeout: TimeAmount) {
    let call = channel.stream(
      path: path, metadata: metadata, deadline: nil,
      events: StreamingCall.Events(
        message: { bytes, _ in self.received(bytes) }, end: { self.ended($0) }))
    state.withLock { $0.call = call }
    wait(timeout)
    call.send(request)
    call.finishSending()
  }

  private func received(_ bytes: ByteBuffer) {
    // Another server may have more to say then.
    wait(Self.patience, then: .unavailable)
    let result = bytes.withUnsafeReadableBytes { bytes in
      Result { () throws(ProtobufError) in try Response(decoding: bytes) }
    }
    switch result {
    case .success(let response): if !message(response) { fail(.ok) }
    case .failure(let error): fail(Client.unreadable(error))
    }
  }

  private func wait(_ patience: TimeAmount, then code: StatusCode = .deadlineExceeded) {
    let silence = channel.eventLoop.scheduleTask(in: patience) {
      self.fail(RPCStatus(code: code, message: "the server says nothing"))
    }
    let before = state.withLock { state in
      defer { state.silence = silence }
      return state.silence
    }
    before?.cancel()
  }

  private func fail(_ status: RPCStatus) {
    let call = state.withLock { state in
      if state.failure == nil { state.failure = status }
      return state.call
    }
    call?.cancel()
  }

  private func ended(_ result: UnaryResult) {
    let (silence, failure) = state.withLock { state in
      defer { state = State() }
      return (state.silence, state.failure)
    }
    silence?.cancel()
    var result = result
    if let failure {
      result.status = failure
      if failure.code == .deadlineExceeded { result.localReason = .deadline }
    }
    promise.succeed(result)
  }
}
