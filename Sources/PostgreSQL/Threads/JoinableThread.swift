import Glibc
import Synchronization

/// A thread of its own, for work that blocks.
final class JoinableThread: Sendable {
  private let handle: Mutex<pthread_t?>

  /// Starts it. Of `name` the kernel keeps 15 bytes. Throws `configuration` when the process may
  /// not have another thread.
  init(name: String, body: @escaping @Sendable () -> Void) throws(PostgreSQLError) {
    let start = Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
        nameThisThread(start.name)
        start.body()
        return nil
      }, start.toOpaque())
    guard code == 0 else {
      start.release()
      throw PostgreSQLError(.configuration, "no new thread: \(String(cString: strerror(code)))")
    }
    handle = Mutex(thread)
  }

  deinit {
    handle.withLock { thread in
      if let running = thread { pthread_detach(running) }
      thread = nil
    }
  }

  /// Waits until it has ended. Blocks; not from the thread itself. Any number of callers.
  func join() {
    handle.withLock { thread in
      if let running = thread { pthread_join(running, nil) }
      thread = nil
    }
  }
}

/// `pthread_setname_np` does not import. Without the name only `top` shows less.
private func nameThisThread(_ name: String) {
  let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard file >= 0 else { return }
  _ = write(file, name, min(name.utf8.count, 15))
  close(file)
}

private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}
