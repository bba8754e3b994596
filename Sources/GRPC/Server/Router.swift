public import NIOCore

/// Which handler serves which method. A value: fill it, then give it to `GRPCServer`.
///
/// Handlers are called on the event loop of the call's connection and must not block. What they are
/// given may be kept and answered later, from any thread.
public struct Router: Sendable {
  /// Serves a call of one request and one response.
  public typealias UnaryHandler = @Sendable (UnaryRequest, UnaryResponder) -> Void
  /// Serves a call of one request and any number of responses.
  public typealias ServerStreamingHandler = @Sendable (UnaryRequest, StreamResponder) -> Void
  /// Serves a call with any number of requests and responses; the result is told of the requests.
  public typealias BidirectionalHandler = @Sendable (StreamRequest, StreamResponder) -> StreamInput

  enum Handler: Sendable {
    case unary(UnaryHandler)
    case serverStreaming(ServerStreamingHandler)
    case bidirectional(BidirectionalHandler)
  }

  struct Method: Sendable {
    let handler: Handler
    var observer: (any CallObserver)?
  }

  private var methods: [String: Method] = [:]
  /// Observes calls of methods that there are not.
  private(set) var unknownObserver: (any CallObserver)?

  /// A router that answers UNIMPLEMENTED to everything.
  public init() {}

  /// The paths that are served, sorted.
  public var paths: [String] { methods.keys.sorted() }

  /// Serves a unary method.
  ///
  /// - Parameter path: `/package.Service/Method`. A later handler for a path replaces the earlier.
  public mutating func unary(_ path: String, _ handler: @escaping UnaryHandler) {
    methods[path] = Method(handler: .unary(handler))
  }

  /// Serves a server streaming method.
  ///
  /// - Parameter path: `/package.Service/Method`. A later handler for a path replaces the earlier.
  public mutating func serverStreaming(_ path: String, _ handler: @escaping ServerStreamingHandler)
  {
    methods[path] = Method(handler: .serverStreaming(handler))
  }

  /// Serves a client streaming or bidirectional method: on the wire they are the same.
  ///
  /// - Parameter path: `/package.Service/Method`. A later handler for a path replaces the earlier.
  public mutating func bidirectional(_ path: String, _ handler: @escaping BidirectionalHandler) {
    methods[path] = Method(handler: .bidirectional(handler))
  }

  /// Has every method that is served so far observed.
  ///
  /// - Parameter make: makes the observer of a path; of all paths that are not served for nil.
  public mutating func observe(_ make: (String?) -> any CallObserver) {
    for path in methods.keys { methods[path]?.observer = make(path) }
    unknownObserver = make(nil)
  }

  /// The same with the methods of these services only, by their full names.
  public func keeping(services: Set<String>) -> Router {
    var router = self
    router.methods = methods.filter { path, _ in
      let service = path.utf8.dropFirst().prefix { $0 != UInt8(ascii: "/") }
      return services.contains { $0.utf8.elementsEqual(service) }
    }
    return router
  }

  func method(for path: String) -> Method? { methods[path] }
}

/// A call with its one request message.
public struct UnaryRequest: Sendable {
  /// `/package.Service/Method`.
  public let path: String
  /// The client's metadata, without what belongs to gRPC and HTTP.
  public let metadata: Metadata
  /// When the client gives up (`grpc-timeout`); nil if it said nothing. The server itself answers
  /// DEADLINE_EXCEEDED then.
  public let deadline: NIODeadline?
  /// The message, decompressed.
  public let message: ByteBuffer
  /// Whether it came compressed.
  public let wasCompressed: Bool
  /// Who asks: `127.0.0.1:4711`, `[::1]:4711` or `unix:`.
  public let peer: String
  /// What ``ServerConfiguration/admit`` said of the caller.
  public let caller: (any Sendable)?
  /// Who goes with the call (``ServerConfiguration/follow``).
  public let follower: (any CallFollower)?
}

/// A call whose request messages arrive one by one.
public struct StreamRequest: Sendable {
  /// `/package.Service/Method`.
  public let path: String
  /// The client's metadata, without what belongs to gRPC and HTTP.
  public let metadata: Metadata
  /// When the client gives up; nil if it said nothing.
  public let deadline: NIODeadline?
  /// Who asks: `127.0.0.1:4711`, `[::1]:4711` or `unix:`.
  public let peer: String
  /// What ``ServerConfiguration/admit`` said of the caller.
  public let caller: (any Sendable)?
  /// Who goes with the call (``ServerConfiguration/follow``).
  public let follower: (any CallFollower)?
}

/// What a bidirectional handler does with the requests. Both are called on the connection's loop.
///
/// No message is delivered while the responder is not writable, so a handler that answers each
/// message needs no flow control of its own.
public struct StreamInput: Sendable {
  let message: @Sendable (ByteBuffer, _ wasCompressed: Bool) -> Void
  let end: @Sendable () -> Void

  /// - Parameters:
  ///   - message: takes the next message.
  ///   - end: is told that the client sends no more. Not called when the call is cancelled.
  public init(
    message: @escaping @Sendable (ByteBuffer) -> Void, end: @escaping @Sendable () -> Void
  ) {
    self.init(received: { bytes, _ in message(bytes) }, end: end)
  }

  /// - Parameters:
  ///   - received: takes the next message, and whether it came compressed.
  ///   - end: is told that the client sends no more. Not called when the call is cancelled.
  public init(
    received: @escaping @Sendable (ByteBuffer, _ wasCompressed: Bool) -> Void,
    end: @escaping @Sendable () -> Void
  ) {
    message = received
    self.end = end
  }
}
