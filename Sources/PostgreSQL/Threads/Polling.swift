import Glibc

/// What ended a wait (poll(2)).
enum PollOutcome: Equatable {
  /// The socket is ready, or broken: reading or writing tells which.
  case ready
  /// The second descriptor became readable.
  case woken
  case timedOut
}

/// Waits until `socket` has one of `events`, `wakeup` is signalled, or `deadline` passes; without a
/// deadline, as long as it takes. A negative `socket` is left out.
func pollUntilReady(
  socket: Int32, events: Int32, wakeup: Wakeup?, until deadline: ContinuousClock.Instant?
) -> PollOutcome {
  var descriptors = [
    pollfd(fd: socket, events: Int16(truncatingIfNeeded: events), revents: 0),
    pollfd(fd: wakeup?.descriptor ?? -1, events: Int16(truncatingIfNeeded: POLLIN), revents: 0),
  ]
  while true {
    let rest = deadline.map { ContinuousClock.now.duration(to: $0) }
    let milliseconds = rest.map { Int32(clamping: max(0, $0.wholeMilliseconds)) } ?? -1
    let ready = poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    if ready > 0 { return descriptors[0].revents != 0 ? .ready : .woken }
    // EINTR is the one failure that can occur here; it is waited through.
    if let rest, ready == 0, rest <= .milliseconds(Int64(Int32.max)) { return .timedOut }
  }
}
