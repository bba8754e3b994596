import GRPC
import Logging
import NIOCore
import NIOPosix
import ProgressorProto

/// Connections to the servers of one cluster, for the length of one command. They are asked in
/// their order; one that answers is asked first from then on.
final class Client {
  private let channels: [GRPCChannel]
  /// Of every call.
  let metadata: Metadata
  /// Microseconds.
  let timeout: Int
  private var current = 0

  private init(channels: [GRPCChannel], metadata: Metadata, timeout: Int) {
    self.channels = channels
    self.metadata = metadata
    self.timeout = timeout
  }

  /// Runs `body` with a client, and closes it.
  static func with<Result>(
    _ options: ClientOptions, _ body: (Client) async throws -> Result
  ) async throws -> Result {
    let targets = try options.targets
    var metadata = Metadata()
    if let token = try ClientToken(flag: options.tokenFile) {
      try metadata.append("authorization", text: "Bearer \(token.text)")
    }
    var configuration = ChannelConfiguration()
    configuration.maximumResponseMessageSize = InputFile.maximumBytes
    configuration.userAgent = "progressor-cli"
    configuration.security = try options.security.security()
    // A host that swallows packets leaves time for the others.
    let share = options.timeoutMicroseconds / targets.count
    configuration.connectTimeout = .microseconds(
      targets.count > 1 ? Int64(min(5_000_000, max(1, share))) : 5_000_000)
    let channels = targets.map { target in
      GRPCChannel(
        target: target, configuration: configuration,
        eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
        logger: Logger(label: "progressor") { _ in SwiftLogNoOpLogHandler() })
    }
    defer { for channel in channels { channel.closeNow() } }
    return try await body(
      Client(channels: channels, metadata: metadata, timeout: options.timeoutMicroseconds))
  }

  /// Calls a method; `service` is its full name. All servers together have the command's timeout.
  ///
  /// - Parameter repeatability: Whether another server may be asked after one that may have seen
  ///   the request; nil = as the method's name says.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ service: String, _ method: String, _ request: Request,
    repeatability: Repeatability? = nil, as: Response.Type = Response.self
  ) async throws(ClientFailure) -> Response {
    try await call(
      service, method, [ByteBuffer(bytes: request.encoded())], isStream: false,
      repeatability: repeatability)
  }

  /// Calls a method that takes several messages, which are all there, and answers once.
  func send<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ service: String, _ method: String, _ requests: [Request], as: Response.Type = Response.self
  ) async throws(ClientFailure) -> Response {
    try await call(
      service, method, requests.map { ByteBuffer(bytes: $0.encoded()) }, isStream: true,
      repeatability: nil)
  }

  private func call<Response: ProtobufMessage>(
    _ service: String, _ method: String, _ messages: [ByteBuffer], isStream: Bool,
    repeatability: Repeatability?
  ) async throws(ClientFailure) -> Response {
    let deadline = NIODeadline.now() + .microseconds(Int64(timeout))
    return try await asking(service, method, repeatability) { channel throws(Ending) in
      let result = await result(
        channel, path: "/\(service)/\(method)", messages, isStream: isStream, deadline)
      return try Client.decode(result)
    }
  }

  /// How a call ended that did not end well.
  struct Ending: Error {
    let status: RPCStatus
    let result: UnaryResult?
  }

  /// Asks one server after the other, as long as the next may be asked.
  func asking<Value>(
    _ service: String, _ method: String, _ repeatability: Repeatability? = nil,
    _ ask: (GRPCChannel) async throws(Ending) -> Value
  ) async throws(ClientFailure) -> Value {
    let first = current
    var attempts: [ClientFailure.Attempt] = []
    while true {
      let channel = channels[current]
      do throws(Ending) { return try await ask(channel) } catch {
        attempts.append(.init(server: channel.target, status: error.status))
        let failure = ClientFailure(
          status: error.status, server: channel.target, localReason: error.result?.localReason,
          seen: error.result?.seen ?? true,
          repeatability: repeatability ?? Repeatability(method: method),
          takesKey: service == MachineCommand.service && MachineCommand.keyed.contains(method),
          timeout: timeout, attempts: attempts)
        let next = (current + 1) % channels.count
        guard failure.allowsNextServer, next != first else {
          current = first
          throw failure
        }
        current = next
      }
    }
  }

  private func result(
    _ channel: GRPCChannel, path: String, _ messages: [ByteBuffer], isStream: Bool,
    _ deadline: NIODeadline
  ) async -> UnaryResult? {
    let promise = channel.eventLoop.makePromise(of: UnaryResult.self)
    let call =
      isStream
      ? channel.clientStreaming(
        path: path, metadata: metadata, messages: messages, deadline: deadline,
        completion: promise.succeed)
      : channel.unary(
        path: path, metadata: metadata, message: messages.first ?? ByteBuffer(),
        deadline: deadline, completion: promise.succeed)
    return await withTaskCancellationHandler {
      // Nothing fails the promise.
      try? await promise.futureResult.get()
    } onCancel: {
      call.cancel()
    }
  }

  private static func decode<Response: ProtobufMessage>(
    _ result: UnaryResult?
  ) throws(Ending) -> Response {
    guard let result, let message = result.message, result.status.isOK else {
      throw Ending(status: result?.status ?? RPCStatus(code: .cancelled), result: result)
    }
    do {
      return try message.withUnsafeReadableBytes { bytes in
        Result { () throws(ProtobufError) in try Response(decoding: bytes) }
      }.get()
    } catch {
      throw Ending(status: Client.unreadable(error), result: result)
    }
  }

  static func unreadable(_ error: ProtobufError) -> RPCStatus {
    RPCStatus(code: .internalError, message: "the answer cannot be read: \(error.description)")
  }
}
