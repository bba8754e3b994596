/// What a phase found.
struct PhaseResult: Sendable {
  var measurements: [Measurement] = []
  var findings: [Finding] = []

  init(_ measurements: Measurement...) { self.measurements = measurements }

  init(measurements: [Measurement] = [], findings: [Finding] = []) {
    self.measurements = measurements
    self.findings = findings
  }
}
