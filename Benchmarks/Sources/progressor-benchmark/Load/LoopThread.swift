import NIOCore
import NIOPosix

/// One event loop on a thread of its own, whose CPU time is known.
struct LoopThread: Sendable {
  let group: MultiThreadedEventLoopGroup
  let eventLoop: any EventLoop

  init() {
    group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    eventLoop = group.next()
  }

  /// The CPU time that the thread has used, in seconds.
  func cpuTime() async -> Double {
    let time = try? await eventLoop.submit { KernelClock.cpuTimeOfThisThread }.get()
    return time ?? 0
  }

  func shutDown() async {
    try? await group.shutdownGracefully()
  }
}
