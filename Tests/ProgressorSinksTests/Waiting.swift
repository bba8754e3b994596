/// What a test waited for never came.
struct NeverHappened: Error {}

/// Waits until `condition` holds, for what nobody announces. Between two looks the thread is free,
/// and a test whose time is over ends.
func eventually(
  within limit: Duration = .seconds(50), _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else { throw NeverHappened() }
    try await Task.sleep(for: .milliseconds(1))
  }
}
