import NIOCore
import ProgressorEngine

/// Where the answer to one request goes.
protocol ReplyTarget: Sendable {
  /// The loop of the client's connection: answers for one loop are handed over together.
  var eventLoop: any EventLoop { get }

  /// Sends the answer. Called at most once, on `eventLoop`.
  func send(_ reply: Reply)
}
