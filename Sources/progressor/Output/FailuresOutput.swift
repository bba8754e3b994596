import GRPC
import MachineModel
import ProgressorProto

/// Why machines failed, as rows and as JSON.
enum FailuresOutput {
  private static let header: [TerminalText] = [
    "NAMESPACE", "MACHINES", "SINCE", "LAST", "CODE", "STEP", "EXAMPLE", "REASON",
  ]

  static func lines(_ causes: FailureCauses, width: Int?) -> [TerminalText] {
    var table = TextTable(header: header, width: width)
    return table.lines(rows(causes))
  }

  static func rows(_ causes: FailureCauses) -> [[TerminalText]] {
    var rows = causes.sorted.map { cause, machines in
      row(
        "\(cause.namespace.text)", machines,
        code: "\(StatusCode(rawValue: Int(cause.code))?.name ?? String(cause.code))",
        step: "\(MachineText.step(cause.step))", reason: PayloadText.line(cause.reason.text))
    }
    if let others = causes.others {
      rows.append(row("-", others, code: "-", step: "-", reason: "(all other causes)"))
    }
    return rows
  }

  private static func row(
    _ namespace: TerminalText, _ machines: FailureCauses.Machines, code: TerminalText,
    step: TerminalText, reason: TerminalText
  ) -> [TerminalText] {
    [
      namespace, "\(machines.count)", "\(machines.since.rfc3339)", "\(machines.last.rfc3339)", code,
      step, "\(machines.example)", reason,
    ]
  }

  /// - Parameter leftOut: The namespaces that the caller may not read.
  static func value(_ causes: FailureCauses, leftOut: [String]) -> JSONValue {
    let list = causes.sorted.map { cause, machines in
      JSONValue.object(
        [.init("namespace", .string(cause.namespace.text))] + members(machines) + [
          .init("code", .int32(cause.code)),
          .init("stepKind", .string(cause.step.protobufName)),
          .init("reason", .string(cause.reason.text)),
        ])
    }
    return .members([
      "causes": .array(list), "others": causes.others.map { .object(members($0)) },
      "leftOut": leftOut.isEmpty ? nil : .array(leftOut.map(JSONValue.string)),
    ])
  }

  private static func members(_ machines: FailureCauses.Machines) -> [JSONValue.Member] {
    [
      .init("machines", .int64(machines.count)),
      .init("since", .string(machines.since.rfc3339)),
      .init("last", .string(machines.last.rfc3339)), .init("example", .string(machines.example)),
    ]
  }
}
