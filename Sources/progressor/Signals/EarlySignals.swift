import Glibc

/// The signals that must not end the server before it has said what it does at them: who starts it
/// may send SIGHUP at once, and its log's reader may go away.
enum EarlySignals {
  /// Ignores them when `arguments` are those of `progressor serve`. The other commands are for
  /// people, and end with their terminal or with the reader of their output.
  static func ignore(for arguments: [String]) {
    guard arguments.dropFirst().first == ServeCommand.configuration.commandName else { return }
    signal(SIGHUP, SIG_IGN)
    signal(SIGPIPE, SIG_IGN)
  }
}
