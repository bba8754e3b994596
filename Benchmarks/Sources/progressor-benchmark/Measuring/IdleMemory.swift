/// Waits until a server is idle and has given back what it did not need any more.
struct IdleMemory: Sendable {
  let server: Int32

  /// An allocator gives free pages back after ten seconds: memory that has not become less for
  /// longer is what is really held.
  private static let quietTime = 15
  private static let longest = 90
  /// Bytes by which it may differ meanwhile.
  private static let noise = 128 << 10

  /// Bytes in memory when they have not changed for 15 s, and after 90 s at the latest.
  func settled() async throws -> Int {
    var level = try resident()
    var quiet = 0
    for _ in 0..<Self.longest where quiet < Self.quietTime {
      try await Task.sleep(for: .seconds(1))
      let now = try resident()
      if abs(now - level) > Self.noise {
        level = now
        quiet = 0
      } else {
        quiet += 1
      }
    }
    return try resident()
  }

  private func resident() throws -> Int {
    guard let bytes = ProcessMemory.resident(ofProcess: server) else {
      throw BenchmarkError("the memory of process \(server) cannot be read")
    }
    return bytes
  }
}
