import ArgumentParser
import ProgressorServer
import ProgressorStorage

struct CheckDatabaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say whether a server could serve from the database.",
    discussion: """
      Looks with the rights of the role that asks, and changes nothing. Exit codes: 0 it could; 69 \
      no server of the URL can be reached and written; 78 the URL or the configuration is wrong, \
      or the server is not durable; 5 the schema is not the one that this version needs; 77 the \
      role lacks rights that serving needs. Of several that hold the first in this order.
      """)

  @OptionGroup var options: DatabaseOptions

  func run() throws {
    let (storage, node) = try options.read()
    let report: DatabaseReport
    do { report = try DatabaseCare.check(storage, logger: options.logger(node)) } catch {
      throw options.failed(error)
    }
    if options.json {
      Output.print(DatabaseOutput.json(report))
    } else {
      for line in DatabaseOutput.lines(report) { Output.print(line) }
    }
    let code = DatabaseExit.of(report.problems)
    if code != 0 { throw ExitCode(code) }
  }
}
