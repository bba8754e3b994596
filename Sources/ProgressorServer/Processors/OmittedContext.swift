import Logging
import MachineModel
import NIOCore

/// Tells of steps that are handed on without their callers' metadata, because a processor takes no
/// header fields that large. In times of many such steps one line stands for all.
struct OmittedContext {
  /// How far apart lines are at least.
  private static let pause = TimeAmount.seconds(10)

  private let logger: Logger
  private var next = NIODeadline.uptimeNanoseconds(0)
  private var untold = 0

  init(logger: Logger) {
    self.logger = logger
  }

  /// Tells of one, and how many there were since the line before.
  ///
  /// - Parameter reason: why its metadata could not be sent.
  mutating func tell(of machine: MachineID, _ reason: String, now: NIODeadline = .now()) {
    guard next <= now else {
      untold += 1
      return
    }
    logger.warning(
      "a step is handed on without its caller's metadata",
      metadata: [
        "namespace": "\(machine.namespace)", "machine_id": "\(machine.id)",
        "reason": "\(reason)", "others_before": "\(untold)",
      ])
    next = now + Self.pause
    untold = 0
  }
}
