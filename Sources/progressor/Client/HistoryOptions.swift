import ArgumentParser
import MachineModel

/// Which part of a history to show, to the caller or to the processor.
struct HistoryOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Only events after this id; backward: before it.", valueName: "id"))
  var after: Int64?

  @Option(help: ArgumentHelp("At most so many events; 0 shows none.", valueName: "count"))
  var limit: Int32?

  @Flag(help: "From the last event down.")
  var backward = false

  mutating func validate() throws {
    if let after, after < 0 { throw ValidationError("--after must not be negative.") }
    if let limit, limit < 0 { throw ValidationError("--limit must not be negative.") }
  }

  /// nil = nothing was asked for.
  var range: HistoryRange? {
    if after == nil, limit == nil, !backward { return nil }
    return HistoryRange(
      after: after ?? 0, limit: limit, direction: backward ? .backward : .forward)
  }
}
