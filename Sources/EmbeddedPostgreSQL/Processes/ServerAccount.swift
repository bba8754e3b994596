import Foundation
import Glibc

/// The user that runs PostgreSQL: who runs us, or, since PostgreSQL refuses root, the user
/// `postgres` when that is root.
struct ServerAccount {
  let userID: uid_t
  let groupID: gid_t
  let name: String

  /// Another user than the one of this process, which is root then.
  var isOther: Bool { userID != geteuid() }

  /// The user `postgres` for root, unless `owner`, who owns the cluster already, is another one.
  init(ownerOfCluster owner: uid_t? = nil) throws(EmbeddedPostgreSQLError) {
    let me = geteuid()
    if me != 0 {
      if let owner, owner != me {
        throw EmbeddedPostgreSQLError(
          .inaccessible, "the cluster belongs to \(userName(owner))",
          advice: "run the server as that user, or as root")
      }
      (userID, groupID, name) = (me, getegid(), userName(me))
      return
    }
    let entry = owner.map { $0 == 0 ? getpwnam("postgres") : getpwuid($0) } ?? getpwnam("postgres")
    guard let entry else {
      throw EmbeddedPostgreSQLError(
        .notInstalled, "PostgreSQL does not run as root, and there is no user postgres for it",
        advice: "run `apt-get install postgresql`, or run the server as an ordinary user")
    }
    userID = entry.pointee.pw_uid
    groupID = entry.pointee.pw_gid
    name = String(cString: entry.pointee.pw_name)
  }

  /// The signal that a process gets when the thread that started it ends.
  enum DeathSignal: String {
    /// PostgreSQL's fast shutdown.
    case interrupt = "INT"
    case kill = "KILL"
  }

  /// `program` as this user, tied to the life of the thread that starts it.
  func command(
    _ program: String, _ arguments: [String], dyingBy signal: DeathSignal
  ) throws(EmbeddedPostgreSQLError) -> Command {
    guard let setpriv = findProgram("setpriv") else {
      throw EmbeddedPostgreSQLError(
        .notInstalled, "the program setpriv is missing", advice: "run `apt-get install util-linux`")
    }
    var options = ["--pdeathsig=\(signal.rawValue)"]
    if isOther { options += ["--reuid=\(name)", "--regid=\(groupID)", "--init-groups"] }
    return Command(program: setpriv, arguments: ["setpriv"] + options + [program] + arguments)
  }

  /// Throws when this user cannot get to `directory`, naming the directory in the way.
  func checkAccess(to directory: String) throws(EmbeddedPostgreSQLError) {
    guard isOther, try !canPass(directory) else { return }
    var place = ""
    for component in directory.split(separator: "/") {
      place += "/" + component
      if try canPass(place) { continue }
      throw EmbeddedPostgreSQLError(
        .inaccessible,
        "\(place) does not let the user \(name) through, who runs PostgreSQL for root",
        advice: "choose a data directory outside of it, such as /var/lib/progressor, "
          + "or run `chmod o+x \(place)`")
    }
  }

  /// Asks the kernel, as that user: groups and access lists count too.
  private func canPass(_ directory: String) throws(EmbeddedPostgreSQLError) -> Bool {
    let test = try command(
      findProgram("test") ?? "/usr/bin/test", ["-x", directory], dyingBy: .kill)
    return try ChildProcess.run(test).status.isSuccess
  }
}

/// The name of a user, or the number when it has none.
func userName(_ user: uid_t) -> String {
  getpwuid(user).map { String(cString: $0.pointee.pw_name) } ?? "user \(user)"
}
