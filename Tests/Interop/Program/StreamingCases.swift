import GRPC
import NIOCore

/// The cases with several requests or responses.
extension InteropClient {
  private static let requestSizes = [27_182, 8, 1_828, 45_904]
  private static let responseSizes = [31_415, 9, 2_653, 58_979]
  private static let fullDuplex = TestService.path("FullDuplexCall")

  func clientStreaming() async throws {
    let call = try await stream(TestService.path("StreamingInputCall"))
    for size in Self.requestSizes {
      try await call.send(StreamingInputCallRequest(payload: Payload(size: size)))
    }
    try await call.finishSending()
    try await Self.requireSum(call, Self.requestSizes.reduce(0, +))
  }

  private static func requireSum(_ call: Exchange, _ sum: Int) async throws {
    let answer = await call.next()
    let response = try answer.map { try StreamingInputCallResponse(decoding: $0.bytes) }
    let (result, _) = try await call.result()
    try require(result.status.isOK, "\(result.status)")
    try require(response?.aggregatedPayloadSize == Int32(sum), "the sum is \(response as Any)")
  }

  func clientCompressedStreaming() async throws {
    let path = TestService.path("StreamingInputCall")
    let (first, second) = (27_182, 45_904)
    let compressed = StreamingInputCallRequest(
      payload: Payload(size: first), expectCompressed: true)
    let probe = try await stream(path, compresses: true)
    try await probe.send(compressed, compressed: false)
    let (refusal, _) = try await probe.result()
    try require(
      refusal.status.code == .invalidArgument, "a plain one is not noticed: \(refusal.status)")
    let call = try await stream(path, compresses: true)
    try await call.send(compressed, compressed: true)
    try await call.send(
      StreamingInputCallRequest(payload: Payload(size: second), expectCompressed: false),
      compressed: false)
    try await call.finishSending()
    try await Self.requireSum(call, first + second)
  }

  func serverStreaming() async throws {
    let call = try await stream(TestService.path("StreamingOutputCall"))
    try await call.offer(StreamingOutputCallRequest.asking(for: Self.responseSizes))
    try await Self.requireSizes(call, Self.responseSizes.map { ($0, false) })
  }

  func serverCompressedStreaming() async throws {
    var request = StreamingOutputCallRequest.asking(for: [31_415, 92_653])
    request.responseParameters[0].compressed = true
    request.responseParameters[1].compressed = false
    let call = try await stream(TestService.path("StreamingOutputCall"))
    try await call.offer(request)
    try await Self.requireSizes(call, [(31_415, true), (92_653, false)])
  }

  private static func requireSizes(
    _ call: Exchange, _ expected: [(size: Int, wasCompressed: Bool)]
  ) async throws {
    for (size, wasCompressed) in expected {
      guard let answer = await call.next() else { break }
      let response = try PayloadResponse(decoding: answer.bytes)
      try require(
        response.payload.body.readableBytes == size && answer.wasCompressed == wasCompressed,
        "\(response.payload.body.readableBytes) bytes, compressed: \(answer.wasCompressed)")
    }
    let isMore = await call.next() != nil
    let (result, _) = try await call.result()
    try require(result.status.isOK && !isMore, "\(result.status), more came: \(isMore)")
  }

  func pingPong() async throws {
    let call = try await stream(Self.fullDuplex)
    for (request, response) in zip(Self.requestSizes, Self.responseSizes) {
      try await call.send(StreamingOutputCallRequest.asking(for: [response], payload: request))
      let answer = await call.next()
      let size = try answer.map { try PayloadResponse(decoding: $0.bytes) }?.payload.body
      try require(size?.readableBytes == response, "\(size?.readableBytes as Any) bytes")
    }
    try await call.finishSending()
    try await Self.requireSizes(call, [])
  }

  func emptyStream() async throws {
    let call = try await stream(Self.fullDuplex)
    try await call.finishSending()
    try await Self.requireSizes(call, [])
  }

  func cancelAfterBegin() async throws {
    let call = try await stream(TestService.path("StreamingInputCall"))
    call.cancel()
    try await Self.requireCode(call, .cancelled)
  }

  func cancelAfterFirstResponse() async throws {
    let call = try await stream(Self.fullDuplex)
    let request = StreamingOutputCallRequest.asking(
      for: [Self.responseSizes[0]], payload: Self.requestSizes[0])
    try await call.send(request)
    let answer = await call.next()
    try require(answer != nil, "no response")
    call.cancel()
    try await Self.requireCode(call, .cancelled)
  }

  func timeoutOnSleepingServer() async throws {
    // A call without a connection tells that its peer cannot be reached.
    try await emptyUnary()
    let call = try await stream(Self.fullDuplex, within: .milliseconds(1))
    // It may be over before.
    try? await call.send(StreamingOutputCallRequest.asking(for: [], payload: 27_182))
    try await Self.requireCode(call, .deadlineExceeded)
  }

  private static func requireCode(_ call: Exchange, _ code: StatusCode) async throws {
    let (result, _) = try await call.result()
    try require(result.status.code == code, "\(result.status)")
  }
}
