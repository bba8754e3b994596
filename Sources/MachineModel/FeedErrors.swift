// What those hear who follow along.

extension ProgressorError {
  /// There is no consumer of the name, or it is another's.
  public static func consumerNotFound(_ name: String) -> ProgressorError {
    ProgressorError(.notFound, .consumerNotFound, "there is no consumer \"\(name)\"")
  }

  /// A consumer is to go on elsewhere, or is forgotten.
  public static func consumerReset(_ name: String) -> ProgressorError {
    ProgressorError(
      .aborted, .consumerReset,
      "consumer \"\(name)\" was reset or deleted: subscribe anew to go on where it is now")
  }

  /// A sink of the server has the name of a consumer that somebody has made.
  public static func consumerTaken(_ name: String, by principal: String) -> ProgressorError {
    ProgressorError(
      .permissionDenied, .notAllowed,
      "the consumer \"\(name)\" is of \"\(principal)\": delete it, or call the sink otherwise")
  }

  /// Who subscribes may know of the consumer, which others read with.
  public static func consumerOfOthers(_ name: String) -> ProgressorError {
    ProgressorError(
      .permissionDenied, .notAllowed,
      "the consumer \"\(name)\" is somebody else's, who would miss what is told here")
  }

  /// Something behind a cursor is not kept any more.
  ///
  /// - Parameter oldest: What a cursor of the shard has to be at least.
  public static func cursorTooOld(_ shard: ShardID, oldest: Int64) -> ProgressorError {
    ProgressorError(
      .outOfRange, .cursorTooOld,
      "entries of shard \(shard.number) up to \(oldest) are not kept any more: they were missed",
      metadata: ["shard": "\(shard.number)", "oldest": "\(oldest)"])
  }

  /// A cursor is of a feed that has come further, such as of a database that was restored.
  public static func cursorAhead(_ shard: ShardID, newest: Int64) -> ProgressorError {
    ProgressorError(
      .outOfRange, .cursorAhead,
      "the newest entry of shard \(shard.number) is \(newest): the cursor is ahead of it",
      metadata: ["shard": "\(shard.number)", "newest": "\(newest)"])
  }
}
