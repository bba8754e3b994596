import GRPC
import MachineModel
import ProgressorProto

/// Where spans are sent, and which: by our settings, and where they say nothing by the variables
/// that OpenTelemetry has for all programs ("OTLP Exporter Configuration", "General SDK
/// Configuration").
struct TracingConfiguration: Sendable, Hashable {
  /// The collector.
  var target: ChannelTarget
  /// nil = its connections begin with HTTP/2.
  var security: ClientTLS?
  /// What is sent to it beside the spans; may be secret.
  var metadata: Metadata
  /// Whether large batches are compressed.
  var compresses: Bool
  /// Which traces are recorded.
  var sampler: TraceSampler
  /// What is said of this process.
  var resource: [SpanAttribute]

  /// The port of OTLP over gRPC.
  private static let defaultPort = 4317

  /// nil = nobody says where to send spans, or that none are to be made.
  init?(
    _ reader: SettingReader, _ environment: [String: String], nodeName: String
  ) throws(ConfigurationError) {
    // What is ours is right also where nothing is sent.
    _ = try reader.choice("otlp.sampler")
    let variables = OpenTelemetryVariables(environment)
    guard !variables.isOn("OTEL_SDK_DISABLED"),
      let endpoint = Self.given(
        "otlp.endpoint", reader,
        variables, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
    else { return nil }
    if reader.text("otlp.endpoint") == nil {
      let exporter = try variables.choice(["otlp", "none"], "OTEL_TRACES_EXPORTER")
      if exporter == "none" { return nil }
      _ = try variables.choice(
        ["grpc"], "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    }
    let url = try CollectorURL(endpoint, defaultPort: Self.defaultPort)
    target = ChannelTarget(.host(url.host, port: url.port))
    let certificate = Self.given(
      "otlp.certificate", reader,
      variables, "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE")
    if url.isSecure {
      var tls = ClientTLS()
      tls.authorities = certificate?.text
      security = tls
    }
    metadata = try Self.metadata(
      Self.given(
        "otlp.headers", reader,
        variables, "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"))
    compresses =
      try variables.choice(
        ["none", "gzip"], "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
        "OTEL_EXPORTER_OTLP_COMPRESSION") == "gzip"
    sampler = try Self.sampler(reader, variables)
    resource = try Self.resource(variables, nodeName: nodeName)
  }

  /// What a setting says, or the first of the variables that is there.
  private static func given(
    _ key: String, _ reader: SettingReader, _ variables: OpenTelemetryVariables, _ names: String...
  ) -> GivenText? {
    guard let text = reader.text(key) else { return variables.first(names) }
    return GivenText(text: text, place: reader.source(key) ?? key)
  }

  private static func metadata(_ given: GivenText?) throws(ConfigurationError) -> Metadata {
    var metadata = Metadata()
    guard let given else { return metadata }
    for (name, value) in try given.pairs() {
      do throws(MetadataError) {
        try metadata.append(name, text: value)
      } catch {
        // Not the value: it may be a secret.
        throw given.problem("the header \"\(name)\" cannot be sent")
      }
    }
    return metadata
  }

  private static func sampler(
    _ reader: SettingReader, _ variables: OpenTelemetryVariables
  ) throws(ConfigurationError) -> TraceSampler {
    let name = given("otlp.sampler", reader, variables, "OTEL_TRACES_SAMPLER")
    let argument = given("otlp.sampler_ratio", reader, variables, "OTEL_TRACES_SAMPLER_ARG")
    if let name, !TraceSampler.names.contains(name.text) {
      throw name.problem(
        "must be one of \(TraceSampler.names.joined(separator: ", ")), not \"\(name.text)\"")
    }
    var ratio = 1.0
    if let argument {
      guard let number = Double(argument.text), (0...1).contains(number) else {
        throw argument.problem("must be a number from 0 to 1, not \"\(argument.text)\"")
      }
      ratio = number
    }
    return TraceSampler(name: name?.text ?? "parentbased_traceidratio", ratio: ratio) ?? .standard
  }

  private static func resource(
    _ variables: OpenTelemetryVariables, nodeName: String
  ) throws(ConfigurationError) -> [SpanAttribute] {
    var given = try variables.first(["OTEL_RESOURCE_ATTRIBUTES"])?.pairs() ?? []
    func set(_ name: String, _ value: String, replacing: Bool = false) {
      let index = given.firstIndex { $0.name.isExactly(name) }
      if let index {
        if replacing { given[index].value = value }
      } else {
        given.append((name, value))
      }
    }
    if let name = variables.first(["OTEL_SERVICE_NAME"])?.text {
      set("service.name", name, replacing: true)
    }
    set("service.name", "progressor")
    set("service.version", Version.current)
    set("service.instance.id", nodeName)
    return given.map { SpanAttribute($0.name, $0.value) }
  }

  /// Throws unless the file of the certificate is there and has some. What it then is, each
  /// connection reads.
  func check() throws(ConfigurationError) {
    guard let path = security?.authorities else { return }
    do throws(ConfigurationError) {
      _ = try PEMFile.certificates(path)
    } catch {
      throw ConfigurationError(place: "otlp.certificate", problem: "\(error)")
    }
  }
}
