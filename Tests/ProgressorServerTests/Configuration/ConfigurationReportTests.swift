import Testing

@testable import ProgressorServer

@Suite("What the configuration is, and where it comes from")
struct ConfigurationReportTests {
  private func value(_ key: String, _ report: ConfigurationReport) throws
    -> ConfigurationReport.Value
  {
    try #require(report.values.first { $0.key == key })
  }

  @Test("each value has its source, and defaults are marked")
  func sources() throws {
    let report = try ConfigurationReport(
      flags: ["listen": ["a:1", "b:2"], "namespaces": ["orders=h:1", "more=h:2"]],
      environment: ["PROGRESSOR_LEASE": "20s", "PROGRESSOR_LISTEN": "c:3"],
      file: (
        "lease: 30s\nslots: 3\nnamespaces:\n- {name: orders, processor: {endpoint: 'x:1'}}\n",
        "p.yaml"
      ))
    #expect(report.values.map(\.key) == Setting.all.map(\.key))
    #expect(try value("listen", report).texts == ["a:1", "b:2"])
    #expect(try value("listen", report).source == "--listen")
    #expect(try value("lease", report).texts == ["20s"])
    #expect(try value("lease", report).source == "PROGRESSOR_LEASE")
    #expect(try value("slots", report).source == "p.yaml:2: slots")
    #expect(try value("shards", report).source == nil)
    #expect(try value("shards", report).texts == ["1024"])
    #expect(try value("metrics_listen", report).texts == [])
    #expect(report.namespaces.map(\.name) == ["orders", "more"])
    #expect(report.endpointsGiven == ["orders", "more"])
    #expect(report.endpointSource == "--namespace")
  }

  @Test(
    "passwords are not shown",
    arguments: [
      ("postgresql://u:secret@h/d", "postgresql://u:…@h/d"),
      (
        "postgres://u:se:cr@et@h:5/d?password=secret&sslmode=require",
        "postgres://u:…@h:5/d?password=…&sslmode=require"
      ),
      ("postgresql://h/d?sslpassword=secret", "postgresql://h/d?sslpassword=…"),
      ("postgresql://u@h/d", "postgresql://u@h/d"),
      ("host=h password=secret user=u", "host=h password=… user=u"),
      ("PassWord = 'se cr\\'et' host=h", "PassWord = … host=h"),
      (#"password=se\ cret host=h"#, "password=… host=h"), ("password=", "password=…"),
      ("secret", "…"),
    ])
  func secrets(text: String, shown: String) throws {
    let report = try ConfigurationReport(flags: ["database.url": [text]])
    #expect(try value("database.url", report).texts == [shown])
  }

  @Test("variables that are no setting are told, with what was meant")
  func variables() {
    #expect(
      ConfigurationReport.warnings(of: [
        "PROGRESSOR_LISTN": "x", "PROGRESSOR_LEASE": "1s", "PROGRESSOR_SERVICE_HOST": "1.2.3.4",
        "PROGRESSOR_PORT_7070_TCP": "x", "PROGRESSOR_SERVER": "x", "PROGRESSOR_XYZZY": "1",
        "PATH": "x", "PROGRESSOR_TEST_X": "1",
      ]) == [
        "PROGRESSOR_LISTN: is no setting, and is ignored; did you mean PROGRESSOR_LISTEN?",
        "PROGRESSOR_XYZZY: is no setting, and is ignored",
      ])
  }

  @Test(
    "an unknown key of the file comes with the one that was meant",
    arguments: [
      ("leese: 1s", "did you mean lease?"), ("lmits: {requests: 1}", "did you mean limits?"),
      ("limits: {reqeusts: 1}", "did you mean limits.requests?"),
      ("message_size: 1MiB", "did you mean limits.message_size?"),
      ("namespace: []", "did you mean namespaces?"),
      ("namespaces: [{name: a, procesor: {}}]", "did you mean processor?"),
    ])
  func keys(text: String, suggestion: String) throws {
    let error = #expect(throws: ConfigurationError.self) {
      try ConfigurationReport(file: (text + "\n", "p.yaml"))
    }
    #expect(try #require(error).problem.contains(suggestion))
  }

  @Test("nothing is suggested that is not near")
  func far() {
    #expect(NearestName.to("xyzzy", among: Setting.all.map(\.key)) == nil)
    #expect(NearestName.to(String(repeating: "lease", count: 100), among: ["lease"]) == nil)
    #expect(NearestName.to("", among: ["a", "bc"]) == "a")
    #expect(NearestName.distance(Array("abcd".utf8), Array("acbd".utf8)) == 1)
    #expect(NearestName.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
    #expect(NearestName.distance([], Array("abc".utf8)) == 3)
    #expect(NearestName.distance(Array("abc".utf8), []) == 3)
  }
}
