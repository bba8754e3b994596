public import MachineModel

/// What a method asks of its caller.
public enum MethodAccess: Sendable, Hashable {
  /// Nothing: everybody may call it, with or without credentials.
  case open
  /// A rule that allows this.
  case role(Role)
}

extension MethodAccess {
  /// What each method asks, by its full name (`package.Service/Method`), sorted by it.
  ///
  /// A method that has no line here is nobody's.
  public static let all: [(method: ExactText, access: MethodAccess)] =
    table.flatMap { access, methods in methods.map { (ExactText($0), access) } }
    .sorted { $0.method < $1.method }

  /// What the method at a path (`/package.Service/Method`) asks; nil = it is not known.
  public static func of(path: String) -> MethodAccess? {
    guard path.utf8.first == UInt8(ascii: "/") else { return nil }
    return byMethod[ExactText(String(path.utf8.dropFirst()) ?? "")]
  }

  private static let byMethod = Dictionary(
    all.map { ($0.method, $0.access) }, uniquingKeysWith: { first, _ in first })

  private static let table: [(MethodAccess, [String])] = [
    (
      .open,
      [
        "grpc.health.v1.Health/Check", "grpc.health.v1.Health/List", "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
      ]
    ),
    (
      .role(.read),
      of(
        "Automaton", "Get", "Watch", "List", "Count", "ListNotifications",
        "ListMessages", "Trace", "Export")
        + of("Namespaces", "Get", "List") + of("EventSink", "Subscribe", "ListConsumers")
        + of("RepairJobs", "Get", "List", "ListFailures", "ListRemaining")
    ),
    (.role(.drive), of("Automaton", "Start", "Call", "Notify", "StartOrCall", "StartOrNotify")),
    (
      .role(.operate),
      of(
        "Automaton", "Repair", "SimpleRepair", "Remove", "Pause", "Resume", "DropNotification",
        "DropMessage", "RetryMessage")
        + of("RepairJobs", "Create", "Cancel") + of("Namespaces", "Pause", "Resume")
        + of("EventSink", "Acknowledge", "ResetConsumer", "DeleteConsumer")
    ),
    (
      .role(.administer),
      of("Namespaces", "Create", "Update", "Delete") + of("Cluster", "Status")
        + of("Automaton", "Import")
    ),
  ]

  private static func of(_ service: String, _ methods: String...) -> [String] {
    methods.map { "progressor.v1.\(service)/\($0)" }
  }
}
