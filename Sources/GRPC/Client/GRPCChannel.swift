public import Logging
public import NIOCore

/// A gRPC client for one endpoint: a pool of HTTP/2 connections that is kept up by itself.
///
/// The channel connects when the first call or ``whenReady(_:)`` asks for it. All its work runs on
/// its event loop; its methods may be called from any thread, and do not hop when the caller is on
/// that loop. Close it with ``close()`` when it is not needed any more, otherwise it lives on.
public final class GRPCChannel: Sendable {
  let pool: ConnectionPool

  /// The endpoint.
  public let target: ChannelTarget
  /// The loop on which everything happens.
  public let eventLoop: any EventLoop

  /// Creates a channel. Nothing is connected yet.
  public convenience init(
    target: ChannelTarget, configuration: ChannelConfiguration = ChannelConfiguration(),
    eventLoop: any EventLoop, logger: Logger
  ) {
    self.init(
      target: target, configuration: configuration, eventLoop: eventLoop, logger: logger,
      resolver: SystemResolver(), random: { Double.random(in: 0..<1) })
  }

  init(
    target: ChannelTarget, configuration: ChannelConfiguration, eventLoop: any EventLoop,
    logger: Logger, resolver: any AddressResolver, random: @escaping @Sendable () -> Double
  ) {
    self.target = target
    self.eventLoop = eventLoop
    var logger = logger
    logger[metadataKey: "endpoint"] = "\(target)"
    pool = ConnectionPool(
      target: target, configuration: configuration, eventLoop: eventLoop, logger: logger,
      resolver: resolver, random: random)
  }

  /// The state of the channel, as of now. `.transientFailure` means that calls that do not wait for
  /// readiness fail.
  public var connectivity: Connectivity { pool.connectivity }

  /// Calls a unary method.
  ///
  /// A request that the peer certainly did not see is sent again by itself: once if the peer
  /// refused it, without limit if it never left (gRFC A6, "transparent retries"), or if the call
  /// waits for readiness. Nothing else is repeated.
  ///
  /// - Parameters:
  ///   - path: `/package.Service/Method`.
  ///   - metadata: custom metadata to send.
  ///   - message: the serialized request.
  ///   - deadline: when the call ends with DEADLINE_EXCEEDED, wherever it is.
  ///   - timeout: how long the peer may take, counted from when the request is sent; the call ends
  ///     with DEADLINE_EXCEEDED then. Waiting for a connection does not count. What is left of the
  ///     nearer of both is sent as `grpc-timeout`.
  ///   - waitForReady: whether the call waits for a connection, until shortly before its deadline:
  ///     by a tenth of its time and 100 ms at most, so that the reason arrives in time. If not, it
  ///     fails with UNAVAILABLE as soon as connecting has failed.
  ///   - completion: called on the event loop, exactly once, never before this method has returned
  ///     to a caller on the loop.
  /// - Returns: a handle to cancel the call by.
  @discardableResult
  public func unary(
    path: String, metadata: Metadata = Metadata(), message: ByteBuffer, deadline: NIODeadline?,
    timeout: TimeAmount? = nil, waitForReady: Bool = false,
    completion: @escaping @Sendable (UnaryResult) -> Void
  ) -> UnaryCall {
    start(
      UnaryCall(
        pool: pool, path: path, metadata: metadata, message: message, isFramed: false,
        deadline: deadline, timeout: timeout, waitsForReady: waitForReady, completion: completion))
  }

  /// Calls a method that takes any number of messages and answers once, with messages that are all
  /// there: as a unary one, but that nothing is compressed.
  ///
  /// - Parameter messages: Each of less than 4 GiB.
  @discardableResult
  public func clientStreaming(
    path: String, metadata: Metadata = Metadata(), messages: [ByteBuffer], deadline: NIODeadline?,
    completion: @escaping @Sendable (UnaryResult) -> Void
  ) -> UnaryCall {
    var framed = ByteBuffer()
    framed.reserveCapacity(messages.reduce(0) { $0 + $1.readableBytes + 8 })
    for message in messages {
      let plain = MessageFramer.EncodedMessage(bytes: message, isCompressed: false)
      MessageFramer.writePrefix(plain, into: &framed)
      framed.writeImmutableBuffer(message)
    }
    return start(
      UnaryCall(
        pool: pool, path: path, metadata: metadata, message: framed, isFramed: true,
        deadline: deadline, timeout: nil, waitsForReady: false, completion: completion))
  }

  /// Calls a method with any number of requests and responses, or of one of them. On the channel's
  /// event loop only.
  ///
  /// The parameters are those of the unary form; what is sent waits for a connection too.
  public func stream(
    path: String, metadata: Metadata = Metadata(), deadline: NIODeadline?,
    waitForReady: Bool = false, events: StreamingCall.Events
  ) -> StreamingCall {
    eventLoop.assertInEventLoop()
    let exchange = StreamingCall(
      events: events, encoding: pool.configuration.requestEncoding, on: eventLoop)
    let call = UnaryCall(
      pool: pool, path: path, metadata: metadata, message: ByteBuffer(), isFramed: false,
      deadline: deadline, timeout: nil, waitsForReady: waitForReady, exchange: exchange,
      completion: events.end)
    exchange.begin(as: call)
    pool.start(call)
    return exchange
  }

  @discardableResult
  private func start(_ call: UnaryCall) -> UnaryCall {
    if eventLoop.inEventLoop {
      pool.start(call)
    } else {
      eventLoop.execute { call.pool.start(call) }
    }
    return call
  }

  /// Calls a unary method and waits for its answer. Cancelling the task cancels the call.
  ///
  /// The parameters are those of the form with a completion.
  ///
  /// - Throws: the status, when it is not OK.
  public func unary(
    path: String, metadata: Metadata = Metadata(), message: ByteBuffer, deadline: NIODeadline?,
    timeout: TimeAmount? = nil, waitForReady: Bool = false
  ) async throws(RPCStatus) -> UnaryResponse {
    let promise = eventLoop.makePromise(of: UnaryResult.self)
    let call = unary(
      path: path, metadata: metadata, message: message, deadline: deadline,
      timeout: timeout, waitForReady: waitForReady, completion: promise.succeed)
    let result = await withTaskCancellationHandler {
      try? await promise.futureResult.get()
    } onCancel: {
      call.cancel()
    }
    guard let result, let message = result.message, result.status.isOK else {
      throw result?.status ?? RPCStatus(code: .cancelled)
    }
    return UnaryResponse(
      message: message, initialMetadata: result.initialMetadata,
      trailingMetadata: result.trailingMetadata)
  }

  /// Calls `body` on the event loop, once, when a connection is ready, or becomes so; connecting
  /// begins if need be. It is not called if the channel is closed before.
  public func whenReady(_ body: @escaping @Sendable () -> Void) {
    if eventLoop.inEventLoop {
      pool.whenReady(body)
    } else {
      eventLoop.execute { [pool] in pool.whenReady(body) }
    }
  }

  /// Takes no more calls, lets those under way end, and closes the connections. Calls that wait for
  /// a connection end with UNAVAILABLE.
  ///
  /// - Returns: a future that succeeds when every connection is closed.
  @discardableResult
  public func close() -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    eventLoop.execute { [pool] in pool.close(promise) }
    return promise.futureResult
  }

  /// Closes the connections at once. Calls under way end with UNAVAILABLE.
  ///
  /// - Returns: a future that succeeds when every connection is closed.
  @discardableResult
  public func closeNow() -> EventLoopFuture<Void> {
    let promise = eventLoop.makePromise(of: Void.self)
    eventLoop.execute { [pool] in pool.closeNow(promise) }
    return promise.futureResult
  }
}
