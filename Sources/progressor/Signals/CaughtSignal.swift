import Dispatch
import Glibc
import Synchronization

/// A signal that the program deals with itself, from when this is made on: one that comes before
/// anybody listens is kept. A dispatch source of a signal is not there at once, and what is ignored
/// meanwhile is lost.
struct CaughtSignal {
  /// Those that can be caught.
  enum Kind {
    case hangup, interrupt, termination

    var number: Int32 {
      switch self {
      case .hangup: SIGHUP
      case .interrupt: SIGINT
      case .termination: SIGTERM
      }
    }
  }

  private let kind: Kind
  private let source: any DispatchSourceRead

  /// - Parameter body: Is called for each that comes, one after the other.
  init(_ kind: Kind, _ body: @escaping @Sendable () -> Void) throws(CaughtSignalError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw CaughtSignalError(errno) }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    let reading = ends[0]
    self.kind = kind
    source = DispatchSource.makeReadSource(fileDescriptor: reading, queue: .global())
    source.setEventHandler {
      var bytes: [UInt8] = Array(repeating: 0, count: 64)
      for _ in 0..<max(0, read(reading, &bytes, bytes.count)) { body() }
    }
    source.resume()
    switch kind {
    case .hangup:
      hangups.store(ends[1], ordering: .relaxed)
      signal(SIGHUP) { _ in note(in: hangups) }
    case .interrupt:
      interrupts.store(ends[1], ordering: .relaxed)
      signal(SIGINT) { _ in note(in: interrupts) }
    case .termination:
      terminations.store(ends[1], ordering: .relaxed)
      signal(SIGTERM) { _ in note(in: terminations) }
    }
  }

  /// The signal is ignored from now on. A handler may be at work still: the pipe stays.
  func cancel() {
    signal(kind.number, SIG_IGN)
    source.cancel()
  }
}

/// Why a signal cannot be caught.
struct CaughtSignalError: Error, CustomStringConvertible {
  let description: String

  init(_ error: Int32) {
    description = "signals cannot be caught: \(String(cString: strerror(error)))"
  }
}

/// What the handlers write to.
private let hangups = Atomic<Int32>(-1)
private let interrupts = Atomic<Int32>(-1)
private let terminations = Atomic<Int32>(-1)

/// All that a handler may do: signal-safety(7).
private func note(in pipe: borrowing Atomic<Int32>) {
  let error = errno
  var byte: UInt8 = 0
  // Where the pipe is full, enough have come.
  _ = write(pipe.load(ordering: .relaxed), &byte, 1)
  errno = error
}
