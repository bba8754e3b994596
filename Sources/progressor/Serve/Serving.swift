import ArgumentParser
import ProgressorServer

/// How the server ends when it cannot run: one line on standard error, and a code of sysexits.h.
enum Serving {
  static func misconfigured(_ problem: String) -> ExitCode {
    end(problem, code: 78)
  }

  static func failed(_ failure: NodeFailure) -> ExitCode {
    end(failure.description, code: code(failure.kind))
  }

  /// EX_UNAVAILABLE 69, EX_CANTCREAT 73, EX_TEMPFAIL 75, EX_CONFIG 78.
  static func code(_ kind: NodeFailure.Kind) -> Int32 {
    switch kind {
    case .configuration: 78
    case .databaseUnavailable, .databaseUnusable: 69
    case .dataDirectoryUnusable, .addressUnusable: 73
    case .dataDirectoryInUse, .addressInUse: 75
    case .restored: CommandExit.failedPrecondition
    case .stopped: 0
    }
  }

  /// How long a stop may take at the most: docs/operations.md says why.
  static func stopPatience(_ configuration: NodeConfiguration) -> Duration {
    .microseconds(configuration.drainTimeout) + .seconds(30)
  }

  private static func end(_ problem: String, code: Int32) -> ExitCode {
    if code != 0 {
      Output.printError("error: \(problem.split(separator: "\n").joined(separator: " "))")
    }
    return ExitCode(code)
  }
}
