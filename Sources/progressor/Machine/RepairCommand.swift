import ArgumentParser
import MachineModel
import ProgressorProto
import ProgressorServer

struct RepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair",
    abstract: "Have the processor repair a failed machine, or repair many.",
    usage: """
      progressor machine repair --namespace <name> <id> [<payload>]
      progressor machine repair --namespace <name> --failed-since <time> --reason <text>
      """,
    discussion: """
      Many machines are repaired by a job of the server, which goes on when this program or the \
      server ends; its progress is shown. It exits with 1 if a machine could not be repaired. See \
      also `progressor repair-job`.
      """)

  @OptionGroup var client: ClientOptions
  @OptionGroup var namespace: NamespaceOption

  @Argument(help: "The machine, unless --failed-since is given.")
  var id: String?

  @OptionGroup var payload: PayloadOptions
  @OptionGroup var key: KeyOption
  @OptionGroup var expectation: ExpectationOption
  @OptionGroup(title: "History shown to the processor") var history: HistoryOptions
  @OptionGroup(title: "Many machines") var many: RepairJobOptions

  mutating func validate() throws {
    guard let failedSince = many.failedSince else {
      guard let id else {
        throw ValidationError("Name a machine by its ID, or many by --failed-since TIME.")
      }
      if let option = many.strayOption {
        throw ValidationError("\(option) is for many machines: give --failed-since TIME.")
      }
      do { try MachineID.validate(id, field: "ID") } catch {
        throw ValidationError(error.message)
      }
      return
    }
    if id != nil { throw ValidationError("Give an ID or --failed-since, not both.") }
    if payload.file != nil || key.key != nil || history.range != nil
      || expectation.expectedLastEvent != nil
    {
      throw ValidationError(
        "--file, --key, --expected-last-event and the history are for one machine. With "
          + "--failed-since, give the processor's arguments by --processor-args.")
    }
    _ = try many.spec(namespace: namespace.name, since: failedSince, now: .latest)
  }

  func run() async throws {
    try await Output.reportingErrors(json: client.json) {
      if let failedSince = many.failedSince {
        try await repairMany(since: failedSince)
      } else {
        try await repairOne(MachineID(namespace: namespace.name, id: id ?? ""))
      }
    }
  }

  private func repairOne(_ machine: MachineID) async throws {
    let request = RepairRequest(
      machineID: machine, args: try payload.read(), historyRange: history.range,
      idempotencyKey: key.key, expectedLastEventID: expectation.expectedLastEvent)
    let response = try await Client.with(client) { client in
      try await client.call(
        MachineCommand.service, "Repair", request, repeatability: key.repeatability,
        as: RepairResponse.self)
    }
    Output.response(response.response, json: client.json)
  }

  private func repairMany(since failedSince: String) async throws {
    let spec = try many.spec(
      namespace: namespace.name, since: failedSince, now: NodeClock().now().wall)
    let id = many.jobID ?? Self.newJobID()
    try await RepairJobClient.with(client) { jobs in
      let job: RepairJob
      do throws(ClientFailure) { job = try await jobs.create(id, spec) } catch {
        guard error.leavesOutcomeOpen else { throw error }
        throw NotedError(error, note: "The job may run: see `progressor repair-job get \(id)`.")
      }
      if many.dryRun { return try await showDryRun(job, jobs) }
      if many.detach {
        return Output.line("\(job.id)", json: client.json ? RepairJobOutput.json(job) : nil)
      }
      Output.printError("repair job \(job.id). \(RepairJobFollower.advice(job))")
      try await RepairJobFollower(jobs: jobs, json: client.json).follow(job)
    }
  }

  /// The machines that would be repaired, and their number.
  private func showDryRun(_ job: RepairJob, _ jobs: RepairJobClient) async throws {
    var list = ListOutput("machines", json: client.json)
    try await jobs.eachPage(ofRemaining: job.id, limit: .max) { page in
      for machine in page {
        list.add(RepairJobOutput.row(machine), RepairJobOutput.json(machine))
      }
    }
    list.end()
    Output.printError(RepairJobOutput.progress(job))
  }

  /// An id that no other job has.
  private static func newJobID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return "repair-" + String(repeating: "0", count: 16 - digits.count) + digits
  }
}

struct SimpleRepairCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simple-repair",
    abstract: "Make a failed machine work again without asking the processor.")

  @OptionGroup var machine: MachineOptions

  func run() async throws {
    try await Output.reportingErrors(json: machine.client.json) {
      let request = SimpleRepairRequest(machineID: machine.machineID)
      _ = try await machine.call("SimpleRepair", request, as: SimpleRepairResponse.self)
      Output.confirm("repaired", machine.machineID, json: machine.client.json)
    }
  }
}
