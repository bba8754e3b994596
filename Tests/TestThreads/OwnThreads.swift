internal import Dispatch
internal import Foundation
internal import Synchronization
public import Testing

/// Runs the tests of a suite, and their child tasks, on threads of their own. For tests that wait
/// for something with a thread in hand, or compute for long: of the threads that all other tests
/// share there are as many as processors, and who keeps one keeps it from them, whatever their time
/// limits are.
public struct OwnThreads: SuiteTrait, TestTrait, TestScoping {
  private static let executor = ThreadExecutor(threads: 16)

  public var isRecursive: Bool { true }

  public func provideScope(
    for _: Test, testCase _: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    try await withTaskExecutorPreference(Self.executor, operation: function)
  }
}

extension Trait where Self == OwnThreads {
  /// On threads apart from those of other tests.
  public static var ownThreads: Self { Self() }
}

/// A fixed number of threads, which live as long as the process.
private final class ThreadExecutor: TaskExecutor {
  private let jobs = Mutex<[UnownedJob]>([])
  private let available = DispatchSemaphore(value: 0)

  init(threads: Int) {
    for _ in 0..<threads { Thread.detachNewThread { self.run() } }
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    jobs.withLock { $0.append(job) }
    available.signal()
  }

  private func run() {
    while true {
      available.wait()
      let job = jobs.withLock { $0.removeFirst() }
      job.runSynchronously(on: asUnownedTaskExecutor())
    }
  }
}
