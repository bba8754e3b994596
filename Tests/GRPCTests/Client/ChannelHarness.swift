import Logging
import NIOConcurrencyHelpers
import NIOCore

@testable import GRPC

/// A channel to a scripted server, and what tests do with it.
struct ChannelHarness: Sendable {
  let channel: GRPCChannel

  /// A configuration whose waits are short.
  static var configuration: ChannelConfiguration {
    var configuration = ChannelConfiguration()
    configuration.backoff = BackoffPolicy(
      initial: .milliseconds(20), maximum: .milliseconds(100), jitter: 0)
    configuration.minimumResolutionInterval = .milliseconds(1)
    return configuration
  }

  init(
    to address: SocketAddress, configuration: ChannelConfiguration = Self.configuration
  ) throws {
    let target =
      try address.pathname.map { try ChannelTarget("unix:\($0)") }
      ?? ChannelTarget("127.0.0.1:\(address.port ?? 1)")
    self.init(to: target, configuration: configuration, resolver: SystemResolver())
  }

  init(
    to target: ChannelTarget, configuration: ChannelConfiguration = Self.configuration,
    resolver: any AddressResolver, logger: Logger = Logger(label: "test")
  ) {
    channel = GRPCChannel(
      target: target, configuration: configuration,
      eventLoop: ScriptedServer.group.next(), logger: logger,
      resolver: resolver, random: { 0.5 })
  }

  /// Makes a call and waits for its result; it has a deadline, so that no test hangs.
  func call(
    _ message: String = "ping", metadata: Metadata = Metadata(), within: TimeAmount = .seconds(20),
    waitForReady: Bool = false
  ) async throws -> UnaryResult {
    try await start(message, metadata: metadata, within: within, waitForReady: waitForReady)
      .result.get()
  }

  /// Starts a call.
  func start(
    _ message: String = "ping", metadata: Metadata = Metadata(), within: TimeAmount = .seconds(20),
    timeout: TimeAmount? = nil, waitForReady: Bool = false
  ) -> (call: UnaryCall, result: EventLoopFuture<UnaryResult>) {
    let promise = channel.eventLoop.makePromise(of: UnaryResult.self)
    let call = channel.unary(
      path: "/test.Service/Method", metadata: metadata, message: ByteBuffer(string: message),
      deadline: .now() + within, timeout: timeout, waitForReady: waitForReady,
      completion: promise.succeed)
    return (call, promise.futureResult)
  }

  /// Waits until a connection is ready.
  func ready() async throws {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    channel.whenReady { promise.succeed() }
    try await promise.futureResult.get()
  }

  /// Runs on the channel's loop.
  func onLoop<T: Sendable>(_ body: @escaping @Sendable (ConnectionPool) -> T) async throws -> T {
    try await channel.eventLoop.submit { [pool = channel.pool] in body(pool) }.get()
  }

  /// Closes everything.
  func stop(_ servers: ScriptedServer...) async throws {
    try await channel.closeNow().get()
    for server in servers { await server.stop() }
  }
}

/// A port on which nobody listens. It is none of those that the system gives out by itself, so that
/// no other test has it by chance.
func unusedAddress() async throws -> SocketAddress {
  while true {
    let address = try SocketAddress(ipAddress: "127.0.0.1", port: .random(in: 10_000..<32_768))
    guard let server = try? await ScriptedServer.start(at: address) else { continue }
    await server.stop()
    return address
  }
}

extension UnaryResult {
  /// The message as text.
  var text: String? { message.map { String(buffer: $0) } }
}
