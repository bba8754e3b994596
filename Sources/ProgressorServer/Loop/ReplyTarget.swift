import NIOCore
import ProgressorEngine

/// Where the answer to one request goes.
protocol ReplyTarget: Sendable {
  /// The loop of the client's connection: answers for one loop are handed over together.
  var eventLoop: any EventLoop { get }

  /// Sends the answer, or hears that the work for a request that was cancelled is over. Called
  /// once, on `eventLoop`.
  func send(_ reply: Reply)
}
