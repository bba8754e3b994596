/// What one measurement found; the JSON form of the results.
struct Measurement: Codable, Sendable {
  /// What is counted. Only rates of one kind are compared.
  enum Unit: String, Codable, Sendable {
    /// An event is appended to a machine that exists.
    case step
    /// A machine is made, with its first event.
    case start
    /// Nothing is written.
    case query
  }

  /// `PostgreSQL alone`, `gRPC alone` or `Progressor`.
  var group: String
  var name: String
  /// The short name of a baseline.
  var key: String?
  var unit: Unit
  /// How many were counted, and in how many seconds.
  var steps: Int
  var seconds: Double
  var stepsPerSecond: Double
  /// Microseconds.
  var p50: Double?
  var p99: Double?
  /// Writing transactions that were committed.
  var commitsPerStep: Double?
  /// Bytes of write-ahead log.
  var logBytesPerStep: Double?
  /// Microseconds of CPU per step.
  var serverCPU: Double?
  var backendCPU: Double?
  var generatorCPU: Double?
  var processorCPU: Double?
  /// How much of all cores was idle, 0…1.
  var idle: Double
  /// The rate divided by that of PostgreSQL alone, by the key of the baseline.
  var ratios: [String: Double] = [:]
  /// Calls that did not end with OK, by status.
  var failures: [String: Int] = [:]

  /// - Parameter steps: how many there were between the two readings.
  init(
    group: String, name: String, key: String? = nil, unit: Unit, steps: Int,
    from start: Reading, to end: Reading, latencies: Histogram? = nil,
    failures: [String: Int] = [:]
  ) {
    let seconds = end.time - start.time
    let each = Double(max(steps, 1))
    func perStep(_ one: Double, _ other: Double) -> Double { (other - one) / each * 1e6 }
    self.group = group
    self.name = name
    self.key = key
    self.unit = unit
    self.steps = steps
    self.seconds = seconds
    self.failures = failures
    stepsPerSecond = Double(steps) / seconds
    p50 = latencies?.percentile(0.5).map { Double($0) / 1000 }
    p99 = latencies?.percentile(0.99).map { Double($0) / 1000 }
    let commits = end.database.transactionID - start.database.transactionID
    commitsPerStep = Double(commits) / each
    logBytesPerStep = Double(end.database.logPosition - start.database.logPosition) / each
    if let one = start.server, let other = end.server { serverCPU = perStep(one, other) }
    backendCPU = perStep(0, end.backendTime(since: start))
    generatorCPU = perStep(start.generator, end.generator)
    if let one = start.processor, let other = end.processor { processorCPU = perStep(one, other) }
    let cores = end.cores.total - start.cores.total
    idle = cores > 0 ? (end.cores.idle - start.cores.idle) / cores : 0
  }

  /// Microseconds of CPU per step that the server and PostgreSQL's backends have used together.
  var storingCPU: Double { (serverCPU ?? 0) + (backendCPU ?? 0) }

  /// Leaves only the rate: the readings belong to another measurement of the same time.
  mutating func dropShares() {
    commitsPerStep = nil
    logBytesPerStep = nil
    serverCPU = nil
    backendCPU = nil
    generatorCPU = nil
    processorCPU = nil
  }
}
