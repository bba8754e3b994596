/// Something that has a goal, mostly compared with something else of the same run.
struct Finding: Codable, Sendable {
  /// What `reference` and `found` are.
  enum Unit: String, Codable, Sendable {
    case callsPerSecond = "calls/s"
    /// Microseconds of CPU of the server and of PostgreSQL's backends.
    case cpuPerCall = "µs CPU/call"
    case milliseconds = "ms"
    /// The server's resident memory.
    case mebibytes = "MiB"
    /// Resident memory, divided by how many there are.
    case bytesEach = "B each"
  }

  /// What is wished of the ratio; where there is none, of what was found.
  struct Goal: Codable, Sendable {
    enum Side: String, Codable, Sendable {
      case atLeast = "≥"
      case atMost = "≤"
    }

    var side: Side
    var bound: Double

    static func atLeast(_ bound: Double) -> Goal { Goal(side: .atLeast, bound: bound) }
    static func atMost(_ bound: Double) -> Goal { Goal(side: .atMost, bound: bound) }
  }

  var name: String
  var unit: Unit
  var reference: Double?
  var found: Double
  var ratio: Double?
  var goal: Goal?
}
