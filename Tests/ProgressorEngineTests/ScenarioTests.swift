import Foundation
import Testing

/// The rules of the engine, as scenarios in text: `Scenarios/*.txt`, one file per row of the table
/// of semantics. With `REWRITE_SCENARIOS=1` in the environment a run writes what the engine did
/// into the source files instead, to be reviewed as a diff.
@Suite("Scenarios of the engine")
struct ScenarioTests {
  static let files: [String] = {
    let folder = Bundle.module.resourceURL?.appending(path: "Scenarios")
    let names = folder.flatMap { try? FileManager.default.contentsOfDirectory(atPath: $0.path) }
    return (names ?? []).filter { $0.hasSuffix(".txt") }.sorted()
  }()

  @Test("every scenario file is found")
  func filesAreFound() {
    #expect(ScenarioTests.files.count >= 10)
  }

  @Test("the engine does what the scenario says", arguments: files)
  func scenario(_ name: String) throws {
    let source = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Scenarios/\(name)")
    let text = try String(contentsOf: source, encoding: .utf8)
    let played = play(text)
    if ProcessInfo.processInfo.environment["REWRITE_SCENARIOS"] != nil {
      try played.write(to: source, atomically: true, encoding: .utf8)
    }
    #expect(played == text)
  }

  /// The scenario with the effects that really came.
  private func play(_ text: String) -> String {
    let runner = ScenarioRunner()
    var output: [String] = []
    var skipping = false
    for line in text.components(separatedBy: "\n") {
      if line.isEmpty || line.hasPrefix("#") {
        skipping = false
        output.append(line)
      } else if line == "----" {
        skipping = true
      } else if !skipping {
        output.append(line)
        output.append("----")
        output += runner.run(line)
      }
    }
    return output.joined(separator: "\n")
  }
}
