import ArgumentParser
import Glibc
import MachineModel
import ProgressorServer

/// Which machines a job repairs, and how.
struct RepairJobOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Repair every machine that failed since then: 2026-11-25T08:30:00Z, or 2h ago.",
      valueName: "time"))
  var failedSince: String?

  @Option(
    help: ArgumentHelp("Only machines that failed until then; default: now.", valueName: "time"))
  var failedUntil: String?

  @Option(help: ArgumentHelp("Only ids that begin so.", valueName: "text"))
  var idPrefix: String?

  @Option(help: ArgumentHelp("Only failures with this in their reason.", valueName: "text"))
  var failureContains: String?

  @Option(help: ArgumentHelp("Why; kept with the job. Must be given.", valueName: "text"))
  var reason: String?

  @Option(help: ArgumentHelp("Who asks; default: the user's name.", valueName: "name"))
  var requestedBy: String?

  @Option(
    help: ArgumentHelp(
      "Have the processor repair each machine, with these arguments. Without it, what failed runs "
        + "again.", valueName: "text"))
  var processorArgs: String?

  @Option(
    help: ArgumentHelp("Machines per second at most; default: 100.", valueName: "count"))
  var rate: Int32?

  @Option(
    help: ArgumentHelp(
      "The id of the job: no second one begins with it.", valueName: "id"))
  var jobID: String?

  @Flag(help: "Count and list the machines, and repair none.")
  var dryRun = false

  @Flag(help: "Print the job's id, and do not follow its progress.")
  var detach = false

  /// The first option that makes sense with a job only, nil = none is given.
  var strayOption: String? {
    let options: [(flag: String, value: String?)] = [
      ("--failed-until", failedUntil), ("--id-prefix", idPrefix),
      ("--failure-contains", failureContains), ("--reason", reason),
      ("--requested-by", requestedBy), ("--processor-args", processorArgs),
      ("--job-id", jobID), ("--rate", rate.map { String($0) }),
      ("--dry-run", dryRun ? "" : nil), ("--detach", detach ? "" : nil),
    ]
    return options.first { $0.value != nil }?.flag
  }

  /// What to do, in the namespace; `since` is the text of --failed-since.
  func spec(namespace: String, since: String, now: Timestamp) throws -> RepairJobSpec {
    guard let reason, !reason.isEmpty else {
      throw ValidationError("Say why by --reason TEXT: it is kept with the job.")
    }
    if let rate, rate < 1 { throw ValidationError("--rate must be at least 1.") }
    let spec = RepairJobSpec(
      namespace: namespace, failedSince: try time(since, "--failed-since", now),
      failedUntil: try failedUntil.map { try time($0, "--failed-until", now) },
      idPrefix: idPrefix ?? "", failureContains: failureContains ?? "",
      method: processorArgs.map { .processor(args: Array($0.utf8)) } ?? .simple,
      rate: rate ?? 0, dryRun: dryRun, reason: reason,
      requestedBy: requestedBy ?? UserName.current)
    if let fault = spec.fault {
      throw ValidationError("\(Self.flag(of: fault.field)) \(fault.problem).")
    }
    if let jobID {
      do { try MachineID.validate(jobID, field: "--job-id") } catch {
        throw ValidationError(error.message)
      }
    }
    return spec
  }

  private func time(_ text: String, _ flag: String, _ now: Timestamp) throws -> Timestamp {
    guard let time = PointInTime.read(text, now: now) else {
      throw ValidationError(
        "\(flag) must be a time such as 2026-11-25T08:30:00Z, or 2h for two hours ago.")
    }
    return time
  }

  /// The flag of a field of the contract.
  private static func flag(of field: String) -> String {
    if field == "processor.args" { return "--processor-args" }
    return "--" + field.split(separator: "_").joined(separator: "-")
  }
}

/// The user who runs the program.
enum UserName {
  /// From the password database, or the user's number.
  static var current: String {
    let number = getuid()
    guard let entry = getpwuid(number), let name = entry.pointee.pw_name else {
      return "uid \(number)"
    }
    return String(cString: name)
  }
}
