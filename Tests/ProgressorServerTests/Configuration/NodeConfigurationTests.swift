import GRPC
import MachineModel
import ProgressorServer
import Testing

@Suite("Configuration of a node")
struct NodeConfigurationTests {
  @Test("without any setting, the documented defaults hold")
  func defaults() throws {
    let configuration = try NodeConfiguration()
    #expect(configuration.listen == [.tcp(host: "127.0.0.1", port: 7070)])
    #expect(configuration.log == LogConfiguration(level: .info, format: .human))
    #expect(configuration.lease == 10_000_000)
    #expect(configuration.shards == 1_024)
    #expect(configuration.slots == 2)
    #expect(configuration.threads == nil)
    #expect(configuration.drainTimeout == 10_000_000)
    #expect(configuration.startTimeout == 30_000_000)
    #expect(configuration.maximumMessageBytes == 16 << 20)
    #expect(configuration.namespaces.isEmpty)
    guard case .embedded = configuration.database else {
      Issue.record("the private cluster is the default")
      return
    }
  }

  @Test("the command line goes before the environment, the environment before the file")
  func precedence() throws {
    let file = (text: "lease: 20s\nslots: 5\nlog:\n  level: error\n", path: "p.yaml")
    let environment = ["PROGRESSOR_LEASE": "30s", "PROGRESSOR_LOG_LEVEL": "debug"]
    let configuration = try NodeConfiguration(
      flags: ["log.level": ["trace"]], environment: environment, file: file)
    #expect(configuration.log.level == .trace)
    #expect(configuration.lease == 30_000_000)
    #expect(configuration.slots == 5)
  }

  @Test(
    "lists come from repeated flags, from commas in the environment, from sequences in the file")
  func lists() throws {
    let one = ServerAddress.tcp(host: "127.0.0.1", port: 1)
    let two = ServerAddress.unix(path: "/tmp/s")
    let texts = ["127.0.0.1:1", "unix:/tmp/s"]
    #expect(try NodeConfiguration(flags: ["listen": texts]).listen == [one, two])
    let environment = ["PROGRESSOR_LISTEN": texts.joined(separator: ", ")]
    #expect(try NodeConfiguration(environment: environment).listen == [one, two])
    let sequence = (text: "listen:\n  - 127.0.0.1:1\n  - unix:/tmp/s\n", path: "p.yaml")
    #expect(try NodeConfiguration(file: sequence).listen == [one, two])
    let scalar = (text: "listen: 127.0.0.1:1", path: "p.yaml")
    #expect(try NodeConfiguration(file: scalar).listen == [one])
  }

  @Test("an empty environment variable is an unset one")
  func emptyVariable() throws {
    let configuration = try NodeConfiguration(environment: ["PROGRESSOR_DATABASE_URL": ""])
    guard case .embedded = configuration.database else {
      Issue.record("an empty URL is none")
      return
    }
  }

  @Test("every setting can be given by its environment variable", arguments: Setting.all)
  func environmentVariables(setting: Setting) throws {
    let values = [
      "listen": "127.0.0.1:9", "database.url": "postgresql:///x", "migrate": "never",
      "data_dir": "/tmp/d",
      "log.level": "debug", "log.format": "json", "lease": "11s", "shards": "7", "cores": "3",
      "node_name": "n",
      "slots": "3", "threads": "5", "start_timeout": "1s", "drain_timeout": "2s",
      "limits.requests": "8", "limits.import_size": "7MiB",
      "limits.waits": "77",
      "limits.message_size": "1MiB", "limits.resident_size": "2MiB",
      "limits.history_size": "2MiB", "limits.connections": "9",
      "limits.connections_per_client": "10", "limits.streams": "11", "limits.pending_size": "3MiB",
      "limits.connection_pending_size": "4MiB", "limits.unread_size": "5MiB",
      "limits.connection_unread_size": "6MiB", "metrics_listen": "127.0.0.1:10",
      "authentication.tokens": "/tokens", "authorization.file": "/rules",
      "authentication.jwt.jwks": "/keys", "authentication.jwt.issuer": "i",
      "authentication.jwt.audience": "a", "authentication.jwt.principal_claim": "p",
      "authentication.jwt.groups_claim": "g", "authentication.jwt.leeway": "1s",
      "tls.certificate": "/c", "tls.key": "/k", "tls.client_ca": "/ca", "insecure": "true",
      "processor_tls_directory": "/p", "otlp.endpoint": "http://c:1", "otlp.certificate": "/o",
      "otlp.headers": "a=b", "otlp.sampler": "always_on", "otlp.sampler_ratio": "0.5",
    ]
    var environment = ["HOME": "/h"]
    // A certificate needs its key, and both what they are for.
    if setting.key.hasPrefix("tls.") {
      environment["PROGRESSOR_TLS_CERTIFICATE"] = "/before"
      environment["PROGRESSOR_TLS_KEY"] = "/before"
    }
    let value = try #require(values[setting.key])
    if setting.key.hasPrefix("authentication.jwt.") {
      for name in ["JWKS", "ISSUER", "AUDIENCE"] {
        environment["PROGRESSOR_AUTHENTICATION_JWT_\(name)"] = "other"
      }
    }
    let plain = try NodeConfiguration(environment: environment)
    environment[setting.environmentVariable] = value
    let changed = try NodeConfiguration(environment: environment)
    #expect(plain != changed)
    #expect(plain.settingsChanged(in: changed) == [setting.key])
    #expect(plain.settingsChanged(in: plain) == [])
  }

  @Test("an issuer of tokens is whole: keys, issuer and audience")
  func jwt() throws {
    let text = """
      authentication: {tokens: /t, jwt: {jwks: /k, issuer: "https://i", audience: a, leeway: 0s}}
      """
    let jwt = try #require(try NodeConfiguration(file: (text, "p.yaml")).jwt)
    #expect(jwt.keysFile == "/k" && jwt.issuer.issuer == "https://i" && jwt.issuer.audience == "a")
    #expect(jwt.issuer.leeway == 0 && jwt.issuer.principalClaim == "sub")
    #expect(jwt.issuer.groupsClaim == "groups")
    #expect(try NodeConfiguration().jwt == nil)
    for (members, place) in [
      ("jwks: /k, issuer: i", "jwks"), ("jwks: /k, audience: a", "jwks"), ("issuer: i", "issuer"),
      ("audience: a", "audience"),
    ] {
      let error = #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(file: ("authentication: {jwt: {\(members)}}", "p.yaml"))
      }
      #expect(error?.place == "p.yaml:1: authentication.jwt.\(place)")
    }
  }

  @Test("rules stand in the file, or it names theirs; the environment goes before both")
  func authorization() throws {
    let rule = "{principals: [a], namespaces: ['*'], allow: [read]}"
    let rules = (text: "lease: 10s\nauthorization:\n  rules: [\(rule)]", path: "p.yaml")
    guard case .rules(let read) = try NodeConfiguration(file: rules).authorization else {
      Issue.record("there are rules")
      return
    }
    #expect(read.map(\.principals) == [["a"]])
    let named = (text: "authorization: {file: /rules.yaml}", path: "p.yaml")
    #expect(try NodeConfiguration(file: named).authorization == .file(path: "/rules.yaml"))
    let environment = ["PROGRESSOR_AUTHORIZATION_FILE": "/other.yaml"]
    for file in [rules, named] {
      let configuration = try NodeConfiguration(environment: environment, file: file)
      #expect(configuration.authorization == .file(path: "/other.yaml"))
    }
    #expect(try NodeConfiguration().authorization == nil)
    let wrong = (text: "lease: 10s\nauthorization:\n  rules: [{}]", path: "p.yaml")
    let error = #expect(throws: ConfigurationError.self) { try NodeConfiguration(file: wrong) }
    #expect(error?.place == "p.yaml:3: authorization.rules[0]")
  }

  @Test(
    "a value out of its range is refused, naming where it stands and what is allowed",
    arguments: [
      ("lease: 10", "p.yaml:1: lease", "1s to 10m"),
      ("shards: 0", "p.yaml:1: shards", "1 to 32768"),
      ("slots: two", "p.yaml:1: slots", "1 to 64"),
      ("threads: 1000", "p.yaml:1: threads", "1 to 256"),
      ("log:\n  level: loud", "p.yaml:2: log.level", "trace, debug, info"),
      ("limits:\n  message_size: 1KiB", "p.yaml:2: limits.message_size", "64KiB to 64MiB"),
      ("drain_timeout: 2h", "p.yaml:1: drain_timeout", "0s to 1h"),
      ("listen: 7070", "p.yaml:1: listen", "HOST:PORT"),
      ("metrics_listen: unix:/x", "p.yaml:1: metrics_listen", "HOST:PORT only"),
      ("lease: [1s, 2s]", "p.yaml:1: lease", "one value"),
      ("lease:\n  is: 1s", "p.yaml:1: lease", "not a mapping"),
      ("lease:", "p.yaml:1: lease", "no value"),
      ("limits: 5", "p.yaml:1: limits", "mapping"),
      ("lease: 1s\nleese: 2s", "p.yaml:2: leese", "unknown key"),
      (
        "limits:\n  reqests: 1", "p.yaml:2: limits.reqests",
        "known here are connection_pending_size"
      ),
      ("- lease", "p.yaml:1", "mapping of keys"),
      ("lease: [", "p.yaml", "no valid YAML"),
      ("lease: 1s\nlease: 2s", "p.yaml", "no valid YAML"),
    ])
  func refusedFile(text: String, place: String, problem: String) throws {
    let error = try #require(
      #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(file: (text: text, path: "p.yaml"))
      })
    #expect(error.place == place)
    #expect(error.description.contains(problem))
    #expect(!error.description.contains("\n"))
  }

  @Test("a bad value names the flag or the variable that gave it")
  func places() throws {
    let flag = try #require(
      #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(flags: ["listen": ["x"]])
      })
    #expect(flag.place == "--listen")
    let variable = try #require(
      #expect(throws: ConfigurationError.self) {
        try NodeConfiguration(environment: ["PROGRESSOR_SHARDS": "abc"])
      })
    #expect(variable.place == "PROGRESSOR_SHARDS")
    #expect(variable.problem.contains("\"abc\""))
  }

  @Test(
    "an empty file, and one of comments only, is an empty configuration", arguments: ["", "# x\n"])
  func emptyFile(text: String) throws {
    #expect(try NodeConfiguration(file: (text: text, path: "p.yaml")) == NodeConfiguration())
  }
}
