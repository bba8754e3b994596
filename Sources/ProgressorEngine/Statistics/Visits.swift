#if DEBUG
  import Synchronization
#endif

/// Counts the elements of queues and tables that the engine goes through one by one, so that a test
/// can tell what a turn costs by a number and not by time: it must not be more than what the turn
/// takes in and puts out. Whoever loops over something that has no small constant bound notes how
/// much that was.
///
/// Only a debug build counts, and only inside of ``count(_:)``.
package enum Visits {
  #if DEBUG
    private final class Counter: Sendable {
      let visits = Atomic<Int>(0)
    }

    @TaskLocal private static var counter: Counter?

    /// The visits that `body` makes.
    package static func count(_ body: () throws -> Void) rethrows -> Int {
      let counter = Counter()
      try $counter.withValue(counter, operation: body)
      return counter.visits.load(ordering: .relaxed)
    }

    static func note(_ visits: Int) {
      counter?.visits.wrappingAdd(visits, ordering: .relaxed)
    }
  #else
    @inline(__always) static func note(_ visits: Int) {}
  #endif
}
