import ProgressorSimulation

/// Runs the engine in simulated worlds, one per seed, until one of them breaks a rule.
@main
struct Program {
  static func main() {
    do {
      let options = try Options(CommandLine.arguments.dropFirst())
      var run = SeedRun(options: options)
      exit(with: run.runAll())
    } catch {
      print(error)
      exit(with: false)
    }
  }
}
