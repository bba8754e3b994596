import ArgumentParser
import ProgressorProto
import ProgressorServer
import ProgressorSinks

/// A configuration with the sources of its values, printed.
enum ConfigurationOutput {
  /// Where the sources stand on a line, if the values leave room.
  private static let sourceColumn = 48

  /// Reads a configuration and prints it; what is likely not meant goes to standard error. Ends the
  /// program with 78 if it is wrong.
  ///
  /// - Parameter checking: A configuration with which no server starts is wrong.
  static func print(_ source: ConfigurationSource, json: Bool, checking: Bool) throws {
    let report: ConfigurationReport
    do { report = try source.report() } catch {
      Output.printError("\(error)", reason: "CONFIGURATION_WRONG", json: json)
      throw ExitCode(CommandExit.configuration)
    }
    if json {
      Output.print(self.json(report))
    } else {
      for warning in report.warnings { Output.printError("warning: \(warning)") }
      Output.print(lines(report, path: source.path).joined(separator: "\n"))
    }
    guard checking, let refusal = report.refusal else { return }
    Output.printError(refusal, reason: "CONFIGURATION_WRONG", json: json)
    throw ExitCode(CommandExit.configuration)
  }

  /// `key: value  # source`, then the namespaces and the sinks.
  static func lines(_ report: ConfigurationReport, path: String?) -> [TerminalText] {
    var lines = report.values.map { value -> TerminalText in
      let shown = value.texts.isEmpty ? "-" : value.texts.joined(separator: ", ")
      return line("\(value.key): \(shown)", value.source ?? "default")
    }
    for directive in report.namespaces {
      let given = report.endpointsGiven.contains { $0.utf8.elementsEqual(directive.name.utf8) }
      let endpointSource = given ? report.endpointSource : nil
      switch directive {
      case .define(let namespace):
        lines.append(line("namespace \(namespace.name)", path ?? ""))
        // Without the name, and the version that only a stored one has.
        for fact in NamespaceOutput.lines(namespace).dropFirst() {
          if fact.text.hasPrefix("  version ") { continue }
          let isEndpoint = fact.text.hasPrefix("  endpoint ")
          lines.append(isEndpoint && given ? line(fact, endpointSource ?? "") : fact)
        }
      case .point(let name, let endpoint):
        lines.append(line("namespace \(name)", endpointSource ?? ""))
        lines.append("  endpoint       \(endpoint)")
      }
    }
    for sink in report.sinks {
      lines.append(line("sink \(sink.name)", path ?? ""))
      lines.append("  \(kind(of: sink))  \(sink.target.description)")
    }
    return lines
  }

  private static func kind(of sink: SinkSetting) -> String {
    switch sink.target {
    case .kafka: "kafka"
    case .webhook: "webhook"
    }
  }

  private static func line(_ text: TerminalText, _ source: String) -> TerminalText {
    let padding = max(2, sourceColumn - TextTable.columns(text.text))
    return text + "\(String(repeating: " ", count: padding))# \(source)"
  }

  private static func json(_ report: ConfigurationReport) -> JSONValue {
    .members([
      "settings": .array(
        report.values.map { value in
          .members([
            "key": .string(value.key), "values": .array(value.texts.map(JSONValue.string)),
            "source": .string(value.source ?? "default"), "default": .bool(value.source == nil),
          ])
        }),
      "namespaces": .array(
        report.namespaces.map { directive in
          switch directive {
          case .define(let namespace): NamespaceOutput.json(namespace)
          case .point(let name, let endpoint):
            .members([
              "name": .string(name),
              "processor": .members(["endpoint": .string(endpoint)]),
            ])
          }
        }),
      "sinks": .array(
        report.sinks.map { sink in
          .members([
            "name": .string(sink.name), "kind": .string(kind(of: sink)),
            "target": .string(sink.target.description),
          ])
        }),
      "warnings": .array(report.warnings.map(JSONValue.string)),
    ])
  }
}
