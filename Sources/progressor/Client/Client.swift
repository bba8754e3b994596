import GRPC
import Logging
import NIOCore
import NIOPosix
import ProgressorProto

/// A connection to a server, for the length of one command.
struct Client {
  private let channel: GRPCChannel
  private let timeout: TimeAmount

  /// Runs `body` with a client, and closes it.
  static func with<Result>(
    _ options: ClientOptions, _ body: (Client) async throws -> Result
  ) async throws -> Result {
    var configuration = ChannelConfiguration()
    configuration.maximumResponseMessageSize = InputFile.maximumBytes
    configuration.userAgent = "progressor-cli"
    configuration.connectTimeout = .seconds(5)
    let channel = GRPCChannel(
      target: try options.target, configuration: configuration,
      eventLoop: MultiThreadedEventLoopGroup.singleton.next(),
      logger: Logger(label: "progressor") { _ in SwiftLogNoOpLogHandler() })
    let client = Client(
      channel: channel, timeout: .microseconds(Int64(options.timeoutMicroseconds)))
    defer { channel.closeNow() }
    return try await body(client)
  }

  /// Calls a method; `service` is its full name.
  func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ service: String, _ method: String, _ request: Request, as: Response.Type = Response.self
  ) async throws(ClientFailure) -> Response {
    let response: UnaryResponse
    do {
      response = try await channel.unary(
        path: "/\(service)/\(method)", message: ByteBuffer(bytes: request.encoded()),
        deadline: .now() + timeout)
    } catch {
      throw ClientFailure(status: error, server: channel.target)
    }
    do {
      return try response.message.withUnsafeReadableBytes { bytes in
        Result { () throws(ProtobufError) in try Response(decoding: bytes) }
      }.get()
    } catch {
      throw ClientFailure(
        status: RPCStatus(
          code: .internalError, message: "the answer cannot be read: \(error.description)"),
        server: channel.target)
    }
  }
}
