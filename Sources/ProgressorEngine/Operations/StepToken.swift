import MachineModel

/// `progressor-step`: names a step to its processor, the same for all its invocations and for no
/// other step.
enum StepToken {
  /// Of what a client asks for, by the step's number in its shard.
  static func request(_ shard: ShardID, serial: Int64) -> String { "c-\(shard.number)-\(serial)" }

  static func timeout(_ shard: ShardID, _ key: MachineKey, _ timer: TimerRow) -> String {
    "t-\(shard.number)-\(key.number)-\(timer.serial)"
  }

  static func notification(_ notification: QueuedNotification) -> String {
    "n-\(notification.notificationID)"
  }
}
