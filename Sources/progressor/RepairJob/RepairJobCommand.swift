import ArgumentParser
import MachineModel

/// `progressor repair-job`: repairs of many machines, begun by `progressor machine repair`.
struct RepairJobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair-job", abstract: "Show, follow and cancel repairs of many machines.",
    discussion: "`progressor machine repair --failed-since TIME --reason TEXT` begins one.",
    subcommands: [
      ListRepairJobsCommand.self, GetRepairJobCommand.self, FollowRepairJobCommand.self,
      CancelRepairJobCommand.self, RepairJobFailuresCommand.self, RepairJobRemainingCommand.self,
    ])
}

/// What the commands about one job have in common.
struct RepairJobArgument: ParsableArguments {
  @OptionGroup var client: ClientOptions

  @Argument(help: "The job's id.")
  var id: String

  mutating func validate() throws {
    do { try MachineID.validate(id, field: "ID") } catch { throw ValidationError(error.message) }
  }
}

/// How much of a list to show.
struct ListLimit: ParsableArguments {
  @Option(help: ArgumentHelp("Show at most so many.", valueName: "count"))
  var limit: Int?

  var count: Int { limit ?? Int.max }

  mutating func validate() throws {
    if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
  }
}

struct ListRepairJobsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List jobs, the newest first.")

  @OptionGroup var client: ClientOptions

  @Option(
    name: [.customShort("n"), .long],
    help: ArgumentHelp(
      "Only jobs of this namespace; otherwise of all, also deleted ones.", valueName: "name"))
  var namespace: String?

  @OptionGroup var limit: ListLimit

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      try await RepairJobClient.with(client) { jobs in
        var list = ListOutput("jobs", json: client.json)
        try await jobs.eachPage(ofNamespace: namespace, limit: limit.count) { page in
          for job in page { list.add(RepairJobOutput.row(job), RepairJobOutput.json(job)) }
        }
        list.end()
      }
    }
  }
}

struct GetRepairJobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Show a job with its progress.")

  @OptionGroup var job: RepairJobArgument

  func run() async throws {
    try await Output.reportingErrors(json: job.client.json) {
      let found = try await RepairJobClient.with(job.client) { try await $0.get(job.id) }
      RepairJobOutput.print(found, json: job.client.json)
    }
  }
}

struct FollowRepairJobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "follow", abstract: "Show the progress of a job until it ends.",
    discussion: "Exits with 1 if a machine could not be repaired or the job was cancelled.")

  @OptionGroup var job: RepairJobArgument

  func run() async throws {
    try await Output.reportingErrors(json: job.client.json) {
      try await RepairJobClient.with(job.client) { jobs in
        let found = try await jobs.get(job.id)
        try await RepairJobFollower(jobs: jobs, json: job.client.json).follow(found)
      }
    }
  }
}

struct CancelRepairJobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "End a job; repairs that have begun are carried out.")

  @OptionGroup var job: RepairJobArgument

  func run() async throws {
    try await Output.reportingErrors(json: job.client.json) {
      let ended = try await RepairJobClient.with(job.client) { try await $0.cancel(job.id) }
      RepairJobOutput.print(ended, json: job.client.json)
    }
  }
}

struct RepairJobFailuresCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "failures", abstract: "List the machines that a job could not repair.")

  @OptionGroup var job: RepairJobArgument
  @OptionGroup var limit: ListLimit

  func run() async throws {
    try await Output.reportingErrors(json: job.client.json) {
      try await RepairJobClient.with(job.client) { jobs in
        var list = ListOutput("failures", json: job.client.json)
        try await jobs.eachPage(ofFailures: job.id, limit: limit.count) { page in
          for failure in page {
            list.add(RepairJobOutput.row(failure), RepairJobOutput.json(failure))
          }
        }
        list.end()
      }
    }
  }
}

struct RepairJobRemainingCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remaining", abstract: "List the machines that a job has still to repair.")

  @OptionGroup var job: RepairJobArgument
  @OptionGroup var limit: ListLimit

  func run() async throws {
    try await Output.reportingErrors(json: job.client.json) {
      try await RepairJobClient.with(job.client) { jobs in
        var list = ListOutput("machines", json: job.client.json)
        try await jobs.eachPage(ofRemaining: job.id, limit: limit.count) { page in
          for machine in page {
            list.add(RepairJobOutput.row(machine), RepairJobOutput.json(machine))
          }
        }
        list.end()
      }
    }
  }
}
