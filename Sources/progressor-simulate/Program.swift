import ProgressorSimulation

/// Runs the engine in simulated worlds, one per seed, until one of them breaks a rule.
@main
struct Program {
  static func main() async {
    do {
      let options = try Options(CommandLine.arguments.dropFirst())
      switch options.mode {
      case .seeds:
        var run = SeedRun(options: options)
        exit(with: await run.runAll())
      case .crashes: exit(with: CrashRun().run())
      case .trace: exit(with: TracedSeed.run(options.first, steps: options.steps))
      }
    } catch {
      print(error)
      exit(with: false)
    }
  }
}
