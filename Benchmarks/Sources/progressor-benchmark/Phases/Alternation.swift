/// Two things measured in turn, in short slices: what else the machine does meets both of them.
struct Alternation: Sendable {
  let rounds: Int

  /// What was found of each, in pairs that were measured one right after the other.
  struct Outcome: Sendable {
    var reference: [Measurement] = []
    var other: [Measurement] = []

    /// The slices in the middle, by their rates.
    var middle: [Measurement] {
      [reference, other].compactMap { slices in
        let sorted = slices.sorted { $0.stepsPerSecond < $1.stepsPerSecond }
        guard !sorted.isEmpty else { return nil }
        var middle = sorted[sorted.count / 2]
        middle.failures = slices.reduce(into: [:]) { failures, slice in
          failures.merge(slice.failures) { $0 + $1 }
        }
        return middle
      }
    }

    /// The medians of a quantity, and the median of its quotients, pair by pair.
    func compared(
      _ name: String, by quantity: (Measurement) -> Double, _ unit: Finding.Unit,
      goal: Finding.Goal?
    ) -> Finding {
      let before = reference.map(quantity)
      let after = other.map(quantity)
      return Finding(
        name: name, unit: unit, reference: Self.median(before), found: Self.median(after),
        ratio: Self.median(zip(before, after).map { $1 / max($0, .leastNormalMagnitude) }),
        goal: goal)
    }

    private static func median(_ values: [Double]) -> Double {
      values.isEmpty ? 0 : values.sorted()[values.count / 2]
    }
  }

  /// Which of the two goes first changes with each round.
  func run(
    _ reference: () async throws -> Measurement, _ other: () async throws -> Measurement
  ) async throws -> Outcome {
    var outcome = Outcome()
    for round in 0..<rounds {
      if round.isMultiple(of: 2) { outcome.reference.append(try await reference()) }
      outcome.other.append(try await other())
      if !round.isMultiple(of: 2) { outcome.reference.append(try await reference()) }
    }
    return outcome
  }
}
