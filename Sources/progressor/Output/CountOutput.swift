import MachineModel
import ProgressorProto

/// How many machines a namespace has, as rows and as JSON.
enum CountOutput {
  static func lines(_ counts: [StatusCount], width: Int?) -> [TerminalText] {
    var table = TextTable(header: ["STATUS", "MACHINES"], width: width)
    return table.lines(
      counts.map { ["\(word($0.status))", "\($0.count)\($0.isCapped ? "+" : "")"] })
  }

  /// In the JSON form of `progressor.v1.CountResponse`.
  static func value(_ counts: [StatusCount]) -> JSONValue {
    .members([
      "counts": .array(
        counts.map { count in
          .members([
            "status": .string(name(count.status)), "count": .int64(count.count),
            "capped": .bool(count.isCapped),
          ])
        })
    ])
  }

  private static func word(_ status: StatusFilter) -> String {
    ListCommand.Status.allCases.first { $0.filter == status }?.rawValue ?? "\(status)"
  }

  private static func name(_ status: StatusFilter) -> String {
    switch status {
    case .any: "STATUS_FILTER_UNSPECIFIED"
    case .working: "STATUS_FILTER_WORKING"
    case .retrying: "STATUS_FILTER_RETRYING"
    case .failed: "STATUS_FILTER_FAILED"
    case .paused: "STATUS_FILTER_PAUSED"
    case .late: "STATUS_FILTER_LATE"
    }
  }
}
