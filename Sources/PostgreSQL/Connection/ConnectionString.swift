import CPq

/// A PostgreSQL connection string, `postgresql://user@host/database?…` or `host=… dbname=…`,
/// checked and taken apart by libpq (PostgreSQL manual, 34.1.1).
public struct ConnectionString: Hashable, Sendable, CustomStringConvertible {
  /// What was given, by libpq's keyword. May hold a password: never print it.
  let options: [String: String]
  private let memory = HostMemory()

  public static func == (one: ConnectionString, other: ConnectionString) -> Bool {
    one.options == other.options
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(options)
  }

  /// Takes `text` apart. Throws `configuration` with what libpq finds wrong with it.
  public init(_ text: String) throws(PostgreSQLError) {
    var errorText: UnsafeMutablePointer<CChar>?
    defer { PQfreemem(errorText) }
    guard let parsed = PQconninfoParse(text, &errorText) else {
      let reason = errorText.map { String(cString: $0) } ?? "out of memory"
      throw PostgreSQLError(
        .configuration,
        "the database URL is not valid: \(Self.withoutSecrets(reason, about: text))",
        detail: "expected postgresql://USER@HOST:PORT/DATABASE or \"host=HOST dbname=DATABASE\"")
    }
    defer { PQconninfoFree(parsed) }
    var options: [String: String] = [:]
    var option = parsed
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        options[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    self.options = options
  }

  /// Keywords and values, without anything secret.
  public var description: String {
    options.sorted { $0.key < $1.key }
      .map { "\($0.key)=\(Self.isSecret($0.key) ? "…" : $0.value)" }
      .joined(separator: " ")
  }

  /// One host to try.
  struct Attempt {
    /// Its place in the list.
    var host: Int
    var options: [String: String]
  }

  /// The host answered as it should: others are tried after it from now on.
  func remember(_ attempt: Attempt) { memory.answered(attempt.host) }

  /// One set of options per host to try, in order, that which answered last before the others:
  /// libpq's own way through a list of hosts offers no time limit per host without blocking.
  var attempts: [Attempt] {
    let keywords = ["host", "hostaddr", "port"]
    let lists = keywords.map {
      options[$0]?.split(separator: ",", omittingEmptySubsequences: false)
    }
    let count = max(lists[0]?.count ?? 0, lists[1]?.count ?? 0)
    guard count > 1 else { return [Attempt(host: 0, options: options)] }
    let first = min(memory.lastGood, count - 1)
    return ([first] + (0..<count).filter { $0 != first }).map { index in
      var attempt = options
      for (keyword, list) in zip(keywords, lists) {
        guard let list else { continue }
        // One port stands for all hosts; other lists must have an entry per host.
        attempt[keyword] = String(list.count == 1 ? list[0] : index < list.count ? list[index] : "")
      }
      return Attempt(host: index, options: attempt)
    }
  }

  private static func isSecret(_ keyword: String) -> Bool {
    keyword == "password" || keyword == "sslpassword"
  }

  /// libpq quotes the piece that it could not read, which may be a piece of the password.
  private static func withoutSecrets(_ reason: String, about text: String) -> String {
    let reason = reason.trimmingNewlines()
    guard text.contains("password") || text.contains("@") else { return reason }
    var result = ""
    var isQuoted = false
    for character in reason {
      if character == "\"" {
        if !isQuoted { result += "\"…\"" }
        isQuoted.toggle()
      } else if !isQuoted {
        result.append(character)
      }
    }
    return result
  }
}

extension String {
  /// libpq ends its messages with a line break.
  func trimmingNewlines() -> String {
    var text = self[...]
    while text.last?.isNewline == true { text.removeLast() }
    return String(text)
  }
}
