import GRPC
import NIOCore

/// The cases of gRPC's doc/interop-test-descriptions.md that any server can be asked.
enum InteropCase: String, CaseIterable, Sendable {
  case emptyUnary = "empty_unary"
  case largeUnary = "large_unary"
  case clientCompressedUnary = "client_compressed_unary"
  case serverCompressedUnary = "server_compressed_unary"
  case clientStreaming = "client_streaming"
  case clientCompressedStreaming = "client_compressed_streaming"
  case serverStreaming = "server_streaming"
  case serverCompressedStreaming = "server_compressed_streaming"
  case pingPong = "ping_pong"
  case emptyStream = "empty_stream"
  case customMetadata = "custom_metadata"
  case statusCodeAndMessage = "status_code_and_message"
  case specialStatusMessage = "special_status_message"
  case unimplementedMethod = "unimplemented_method"
  case unimplementedService = "unimplemented_service"
  case cancelAfterBegin = "cancel_after_begin"
  case cancelAfterFirstResponse = "cancel_after_first_response"
  case timeoutOnSleepingServer = "timeout_on_sleeping_server"

  /// Throws ``CaseFailed`` with what was not as it has to be.
  func run(_ client: InteropClient) async throws {
    switch self {
    case .emptyUnary: try await client.emptyUnary()
    case .largeUnary: try await client.largeUnary()
    case .clientCompressedUnary: try await client.clientCompressedUnary()
    case .serverCompressedUnary: try await client.serverCompressedUnary()
    case .clientStreaming: try await client.clientStreaming()
    case .clientCompressedStreaming: try await client.clientCompressedStreaming()
    case .serverStreaming: try await client.serverStreaming()
    case .serverCompressedStreaming: try await client.serverCompressedStreaming()
    case .pingPong: try await client.pingPong()
    case .emptyStream: try await client.emptyStream()
    case .customMetadata: try await client.customMetadata()
    case .statusCodeAndMessage: try await client.status(2, "test status message")
    case .specialStatusMessage:
      try await client.status(
        2, "\t\ntest with whitespace\r\nand Unicode BMP \u{263A} and non-BMP \u{1F608}\t\n")
    case .unimplementedMethod:
      try await client.unimplemented(TestService.path("UnimplementedCall"))
    case .unimplementedService:
      try await client.unimplemented("/grpc.testing.UnimplementedService/UnimplementedCall")
    case .cancelAfterBegin: try await client.cancelAfterBegin()
    case .cancelAfterFirstResponse: try await client.cancelAfterFirstResponse()
    case .timeoutOnSleepingServer: try await client.timeoutOnSleepingServer()
    }
  }
}

extension InteropClient {
  fileprivate static let requestSize = 271_828
  fileprivate static let responseSize = 314_159
  private static let unaryCall = TestService.path("UnaryCall")

  /// A large request for a large answer.
  private static func large() -> SimpleRequest {
    var request = SimpleRequest()
    request.responseSize = Int32(responseSize)
    request.payload = Payload(size: requestSize)
    return request
  }

  func emptyUnary() async throws {
    let result = try await unary(TestService.path("EmptyCall"), Empty())
    try require(result.message?.readableBytes == 0, "\(result.status), \(result.message as Any)")
  }

  fileprivate func largeUnary() async throws {
    try Self.requireLarge(try await unary(Self.unaryCall, Self.large()))
  }

  private static func requireLarge(_ result: UnaryResult) throws {
    try require(result.status.isOK, "\(result.status)")
    let size = try result.message.map(PayloadResponse.init(decoding:))?.payload.body.readableBytes
    try require(size == responseSize, "\(size ?? -1) bytes")
  }

  fileprivate func clientCompressedUnary() async throws {
    var request = Self.large()
    request.expectCompressed = true
    let probe = try await unary(Self.unaryCall, request)
    try require(
      probe.status.code == .invalidArgument, "a plain one is not noticed: \(probe.status)")
    try Self.requireLarge(try await unary(Self.unaryCall, request, compressed: true))
    request.expectCompressed = false
    try Self.requireLarge(try await unary(Self.unaryCall, request))
  }

  /// The flag of a message is seen on a streaming call only; on the wire there is no difference.
  fileprivate func serverCompressedUnary() async throws {
    for wish in [true, false] {
      var request = Self.large()
      request.responseCompressed = wish ? true : false
      let call = try await stream(Self.unaryCall)
      try await call.offer(request)
      let answer = await call.next()
      try require(answer?.wasCompressed == wish, "compressed: \(answer?.wasCompressed as Any)")
      let response = try answer.map { try PayloadResponse(decoding: $0.bytes) }
      try require(response?.payload.body.readableBytes == Self.responseSize, "another size")
      let (result, _) = try await call.result()
      try require(result.status.isOK, "\(result.status)")
    }
  }

  fileprivate func unimplemented(_ path: String) async throws {
    let result = try await unary(path, Empty())
    try require(
      result.status.code == .unimplemented && result.origin == .peer, "\(result.status)")
  }

  fileprivate func status(_ code: Int32, _ message: String) async throws {
    let status = EchoStatus(code: code, message: message)
    var simple = SimpleRequest()
    simple.responseStatus = status
    var streaming = StreamingOutputCallRequest()
    streaming.responseStatus = status
    let call = try await stream(TestService.path("FullDuplexCall"))
    try await call.offer(streaming)
    let results = [
      try await unary(Self.unaryCall, simple), try await call.result().0,
    ]
    for result in results {
      try require(
        result.status.code.rawValue == Int(code) && result.status.message == message,
        "\(result.status)")
    }
  }

  fileprivate func customMetadata() async throws {
    let (text, bytes) = ("test_initial_metadata_value", [UInt8](repeating: 0xab, count: 3))
    var metadata = Metadata()
    try metadata.append(TestService.initialEcho, text: text)
    try metadata.append(TestService.trailingEcho, binary: bytes)
    let unaryResult = try await unary(Self.unaryCall, Self.large(), metadata: metadata)
    try Self.requireLarge(unaryResult)
    let call = try await stream(TestService.path("FullDuplexCall"), metadata: metadata)
    try await call.offer(StreamingOutputCallRequest.asking(for: [Self.responseSize]))
    while await call.next() != nil {}
    let (result, initial) = try await call.result()
    for (result, initial) in [(unaryResult, unaryResult.initialMetadata), (result, initial)] {
      try require(initial.text(TestService.initialEcho) == text, "\(initial)")
      try require(
        result.trailingMetadata.binary(TestService.trailingEcho) == bytes,
        "\(result.trailingMetadata)")
    }
  }
}

extension Exchange {
  /// Sends the only request.
  func offer(_ request: some InteropMessage) async throws {
    try await send(request)
    try await finishSending()
  }
}

extension StreamingOutputCallRequest {
  static func asking(for sizes: [Int], payload: Int? = nil) -> Self {
    var request = Self()
    request.responseParameters = sizes.map { size in
      var parameters = ResponseParameters()
      parameters.size = Int32(size)
      return parameters
    }
    request.payload = payload.map(Payload.init(size:))
    return request
  }
}
