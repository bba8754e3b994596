import CSpawn
import Glibc

/// How a process ended.
enum ExitStatus: Hashable, CustomStringConvertible {
  case exited(Int32)
  case killed(signal: Int32)

  /// Takes the status of `waitpid` apart (`WIFEXITED` and its kin do not import).
  init(waitStatus: Int32) {
    let signal = waitStatus & 0x7f
    self = signal == 0 ? .exited((waitStatus >> 8) & 0xff) : .killed(signal: signal)
  }

  var isSuccess: Bool { self == .exited(0) }

  var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .killed(let signal): "killed by signal \(signal)"
    }
  }
}

/// A child of this process. Its owner waits for it exactly once; until then its process id belongs
/// to nobody else.
struct ChildProcess: Sendable {
  let processID: pid_t

  /// Starts `command` with `input` as standard input and `output` as standard output and error,
  /// in a session of its own: a Ctrl-C in the terminal reaches us, and we stop PostgreSQL when its
  /// time has come. Signals have their defaults, no other descriptor is handed on.
  static func spawn(
    _ command: Command, input: Int32, output: Int32
  ) throws(EmbeddedPostgreSQLError) -> ChildProcess {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, output, 2)
    // A socket that PostgreSQL inherited would stay open when we close it, and its peer would wait
    // for ever: not everybody's descriptors are close-on-exec.
    posix_spawn_file_actions_addclosefrom_np(&actions, 3)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | newSession
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var arguments = command.arguments.map { strdup($0) } + [nil]
    var environment = command.environment.map { strdup($0) } + [nil]
    defer { for string in arguments + environment { free(string) } }
    var processID: pid_t = 0
    let code = posix_spawn(
      &processID, command.program, &actions, &attributes, &arguments, &environment)
    guard code == 0 else {
      throw EmbeddedPostgreSQLError(
        .startFailed, "cannot run \(command.program): \(String(cString: strerror(code)))")
    }
    return ChildProcess(processID: processID)
  }

  /// `POSIX_SPAWN_SETSID` of glibc's <spawn.h>, hidden behind a feature macro.
  private static let newSession: Int32 = 0x80

  /// Blocks until the process has ended, but leaves it to `reap`: its id stays taken.
  func waitUntilEnded() {
    var information = siginfo_t()
    while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
  }

  /// Whether it has ended; leaves it to `reap` as well.
  var hasEnded: Bool {
    var information = siginfo_t()
    let code = waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT | WNOHANG)
    // Without a child in that state the signal's number stays 0.
    return code != 0 ? errno != EINTR : information.si_signo == SIGCHLD
  }

  /// Waits for the end and gives the process id back.
  func reap() -> ExitStatus {
    var status: Int32 = 0
    while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
    return ExitStatus(waitStatus: status)
  }

  /// Runs `command` to its end. Returns the last 4 KiB of what it wrote.
  ///
  /// - Parameter input: less than a socket buffer holds, 64 KiB or so.
  static func run(
    _ command: Command, input: String = ""
  ) throws(EmbeddedPostgreSQLError) -> (status: ExitStatus, output: String) {
    // Sockets, since only they are closed on exec from the first moment: a process that another
    // thread starts just now must not keep ours open.
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw .system("no descriptors") }
    defer { close(ends[0]) }
    let child: ChildProcess
    do {
      defer { close(ends[1]) }
      child = try spawn(command, input: ends[1], output: ends[1])
    }
    _ = send(ends[0], input, input.utf8.count, Int32(MSG_NOSIGNAL))
    shutdown(ends[0], Int32(SHUT_WR))
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = read(ends[0], &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { break }
      output = (output + buffer[..<count]).suffix(4096)
    }
    return (child.reap(), String(decoding: output, as: UTF8.self))
  }
}
