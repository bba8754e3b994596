import GRPC
import ProgressorProto
import Testing

@testable import ProgressorServer

@Suite("Where traces are sent") struct TracingConfigurationTests {
  private func tracing(
    _ environment: [String: String], flags: [String: [String]] = [:], file: String? = nil
  ) throws(ConfigurationError) -> TracingConfiguration? {
    try NodeConfiguration(
      flags: flags, environment: environment, file: file.map { ($0, "p.yaml") }
    ).tracing
  }

  /// What is wrong, whether it ends the start or is a warning.
  private func problem(
    _ environment: [String: String], flags: [String: [String]] = [:], file: String? = nil
  ) -> String {
    do throws(ConfigurationError) {
      let configuration = try NodeConfiguration(
        flags: flags, environment: environment, file: file.map { ($0, "p.yaml") })
      let end = "; no traces are sent"
      guard configuration.tracing == nil,
        let warning = configuration.warnings.first(where: { $0.hasSuffix(end) })
      else { return "none" }
      return String(warning.dropLast(end.count))
    } catch { return "\(error)" }
  }

  private let endpoint = ["OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:1"]
  /// Ours: whoever gives it means this program.
  private let flag = ["otlp.endpoint": ["http://c:1"]]

  @Test("nowhere, unless somebody says so")
  func nowhere() throws {
    #expect(try tracing([:]) == nil)
    #expect(try tracing(["OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "nonsense"]) == nil)
    #expect(try tracing(["OTEL_SDK_DISABLED": "TRUE"], flags: flag) == nil)
    #expect(try tracing(["OTEL_SDK_DISABLED": "1"], flags: flag) != nil)
    #expect(try tracing(endpoint.merging(["OTEL_TRACES_EXPORTER": "none"]) { $1 }) == nil)
    #expect(try tracing(["OTEL_EXPORTER_OTLP_ENDPOINT": ""]) == nil)
  }

  @Test(
    "endpoints",
    arguments: [
      ("http://c:1", "c:1", false), ("https://c:1/", "c:1", true), ("http://c", "c:4317", false),
      ("HTTP://[::1]", "[::1]:4317", false), ("https://[::1]:7", "[::1]:7", true),
    ])
  func endpoints(text: String, target: String, isSecure: Bool) throws {
    let tracing = try #require(try tracing([:], flags: ["otlp.endpoint": [text]]))
    #expect(tracing.target.authority == target)
    #expect((tracing.security != nil) == isSecure)
  }

  @Test(
    "an endpoint that cannot be used is refused with its place, and without what it says",
    arguments: [
      "c:4317", "grpc://c:1", "http://", "http:///", "http://u:secret@c:1", "http://c:1/v1/traces",
      "http://c:0", "http://c:99999", "http://c:x", "http://c d:1", "http://c:1?a=b", "https://:1",
    ])
  func wrongEndpoints(text: String) {
    let expected = "must be http://HOST:PORT or https://HOST:PORT"
    #expect(problem([:], flags: ["otlp.endpoint": [text]]) == "--otlp-endpoint: \(expected)")
    #expect(
      problem(["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": text])
        == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: \(expected)")
  }

  @Test("our settings go before OpenTelemetry's variables, and those for traces before the others")
  func precedence() throws {
    var all = [
      "OTEL_EXPORTER_OTLP_ENDPOINT": "http://d:1",
      "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:1",
    ]
    func target(_ file: String? = nil, _ flags: [String: [String]] = [:]) throws -> String? {
      try tracing(all, flags: flags, file: file)?.target.authority
    }
    #expect(try target() == "c:1")
    #expect(try target("otlp: {endpoint: 'http://b:1'}") == "b:1")
    all["PROGRESSOR_OTLP_ENDPOINT"] = "http://a:2"
    #expect(try target("otlp: {endpoint: 'http://b:1'}") == "a:2")
    #expect(try target(nil, ["otlp.endpoint": ["http://a:1"]]) == "a:1")
  }

  @Test("a sampler that nobody knows is named with the variable that names it")
  func samplers() throws {
    #expect(
      problem(endpoint.merging(["OTEL_TRACES_SAMPLER": "jaeger_remote"]) { $1 })
        .hasPrefix("OTEL_TRACES_SAMPLER: must be one of always_on, "))
    #expect(
      problem(["PROGRESSOR_OTLP_SAMPLER": "x"], flags: ["otlp.endpoint": ["http://c:1"]])
        .hasPrefix("PROGRESSOR_OTLP_SAMPLER: must be one of "))
    for ratio in ["2", "-1", "nan", "half"] {
      #expect(
        problem(endpoint.merging(["OTEL_TRACES_SAMPLER_ARG": ratio]) { $1 })
          == "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1, not \"\(ratio)\"")
    }
    let all = endpoint.merging([
      "OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25",
    ]) { $1 }
    #expect(try tracing(all)?.sampler == TraceSampler(name: "traceidratio", ratio: 0.25))
    #expect(
      try tracing(all, file: "otlp: {sampler: always_off}")?.sampler
        == TraceSampler(name: "always_off", ratio: 1))
    #expect(
      try tracing(endpoint)?.sampler == TraceSampler(name: "parentbased_traceidratio", ratio: 1))
  }

  @Test("what we do not speak is refused with the variable that asks for it")
  func protocols() {
    for (name, value) in [
      ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
      ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"), ("OTEL_TRACES_EXPORTER", "zipkin"),
      ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
    ] {
      #expect(problem(endpoint.merging([name: value]) { $1 }).hasPrefix("\(name): must be one of "))
    }
  }

  @Test("variables that may be meant for others end the start only of one that we told to trace")
  func foreign() throws {
    let wrong = ["OTEL_TRACES_SAMPLER": "xray"]
    let configuration = try NodeConfiguration(
      flags: [:], environment: endpoint.merging(wrong) { $1 }, file: nil)
    #expect(configuration.tracing == nil && configuration.warnings.count == 1)
    #expect(throws: ConfigurationError.self) { try tracing(wrong, flags: flag) }
    #expect(throws: ConfigurationError.self) {
      try tracing(wrong.merging(["PROGRESSOR_OTLP_ENDPOINT": "http://c:1"]) { $1 })
    }
    #expect(try tracing(endpoint) != nil)
    #expect(throws: ConfigurationError.self) { try tracing([:], flags: ["otlp.endpoint": ["x"]]) }
  }

  @Test("headers are decoded, and one that cannot be sent is refused without its value")
  func headers() throws {
    let given = endpoint.merging([
      "OTEL_EXPORTER_OTLP_HEADERS": " Api-Key = a%20b%3D , x-tenant=t=1,"
    ]) { $1 }
    let metadata = try #require(try tracing(given)).metadata
    #expect(metadata.text("api-key") == "a b=")
    #expect(metadata.text("x-tenant") == "t=1")
    for wrong in ["secret", "=secret", "a b=secret", "x-bin=secret", "te=secret", "x=secret%0A"] {
      let problem = problem(endpoint.merging(["OTEL_EXPORTER_OTLP_HEADERS": wrong]) { $1 })
      #expect(problem.hasPrefix("OTEL_EXPORTER_OTLP_HEADERS: "))
      #expect(!problem.contains("secret"))
    }
    let report = try ConfigurationReport(
      environment: ["PROGRESSOR_OTLP_HEADERS": "api-key=secret"])
    #expect(report.values.first { $0.key == "otlp.headers" }?.texts == ["…"])
  }

  @Test("the process is called as OpenTelemetry's variables say")
  func resource() throws {
    func resource(_ more: [String: String]) throws -> [SpanAttribute] {
      let given = endpoint.merging(["PROGRESSOR_NODE_NAME": "n1"]) { $1 }.merging(more) { $1 }
      return try #require(try tracing(given)).resource
    }
    #expect(
      try resource([:]) == [
        SpanAttribute("service.name", "progressor"),
        SpanAttribute("service.version", Version.current),
        SpanAttribute("service.instance.id", "n1"),
      ])
    #expect(
      try resource([
        "OTEL_SERVICE_NAME": "orders",
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=x,deployment.environment.name=a%2Cb",
      ]) == [
        SpanAttribute("service.name", "orders"),
        SpanAttribute("deployment.environment.name", "a,b"),
        SpanAttribute("service.version", Version.current),
        SpanAttribute("service.instance.id", "n1"),
      ])
    for wrong in ["a", "a=%", "a=%4", "a=%FF", "a=%+1"] {
      #expect(
        problem(endpoint.merging(["OTEL_RESOURCE_ATTRIBUTES": wrong]) { $1 })
          .hasPrefix("OTEL_RESOURCE_ATTRIBUTES: must be NAME=VALUE"))
    }
  }
}
