import CPq
import Glibc

/// A PostgreSQL connection string, `postgresql://user@host/database?…` or `host=… dbname=…`,
/// checked and taken apart by libpq (PostgreSQL manual, 34.1.1).
public struct ConnectionString: Hashable, Sendable, CustomStringConvertible {
  /// What was given, by libpq's keyword. May hold a password: never print it.
  let options: [String: String]
  private let memory = HostMemory()
  private let book = AddressBook()

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
    if let demand = options["target_session_attrs"],
      ["read-only", "standby", "prefer-standby"].contains(demand)
    {
      throw PostgreSQLError(
        .configuration,
        "target_session_attrs=\(demand): only a server that can be written will do; leave it out")
    }
    self.options = options
  }

  /// How long an address may take at first, if there are others: `connect_timeout` says so, as for
  /// libpq, else a second.
  var turn: Duration {
    let seconds = options["connect_timeout"].flatMap { Int64($0) } ?? 0
    return seconds > 0 ? .seconds(min(seconds, 3_600)) : .seconds(1)
  }

  /// Keywords and values, without anything secret.
  public var description: String {
    options.sorted { $0.key < $1.key }
      .map { "\($0.key)=\(Self.isSecret($0.key) ? "…" : $0.value)" }
      .joined(separator: " ")
  }

  /// One address to try.
  struct Attempt {
    var place: HostMemory.Place
    var options: [String: String]
  }

  /// The address answered as it should: others are tried after it from now on.
  func remember(_ attempt: Attempt) { memory.answered(attempt.place) }

  /// One set of options per host to try, in order, that which answered last before the others:
  /// libpq's own way through a list of hosts offers no time limit per host without blocking.
  var attempts: [Attempt] {
    let keywords = ["host", "hostaddr", "port"]
    let lists = keywords.map {
      options[$0]?.split(separator: ",", omittingEmptySubsequences: false)
    }
    let count = max(lists[0]?.count ?? 0, lists[1]?.count ?? 0)
    guard count > 1 else { return [Attempt(place: .init(host: 0), options: options)] }
    let first = min(memory.lastGood?.host ?? 0, count - 1)
    return ([first] + (0..<count).filter { $0 != first }).map { index in
      var attempt = options
      for (keyword, list) in zip(keywords, lists) {
        guard let list else { continue }
        // One port stands for all hosts; other lists must have an entry per host.
        attempt[keyword] = String(list.count == 1 ? list[0] : index < list.count ? list[index] : "")
      }
      return Attempt(place: .init(host: index), options: attempt)
    }
  }

  /// The same with an attempt for each address of a host that is a name: libpq would wait for the
  /// first of them until the end. The address that answered last is the first.
  ///
  /// - Parameter deadline: Until then names are looked up.
  /// - Returns: The attempts; why there is none to some hosts; and of which names nobody has said
  ///   yet where they are. Throws `stopped`.
  func attempts(
    lookingUpUntil deadline: ContinuousClock.Instant, stop: StopSignal?
  ) throws(PostgreSQLError) -> Attempts {
    var (found, failures, unanswered): ([Attempt], [String], [String]) = ([], [], [])
    let attempts = attempts
    // All at once: a name that nobody answers for takes no other one's time.
    for attempt in attempts {
      if let name = attempt.nameToLookUp { book.begin(name, at: attempt.place.host) }
    }
    for attempt in attempts {
      guard let name = attempt.nameToLookUp else {
        found.append(attempt)
        continue
      }
      let host = attempt.place.host
      switch try book.addresses(of: name, at: host, until: deadline, stop: stop) {
      case .failure(let reason): failures.append(reason)
      case .nothing(let reason): unanswered.append(reason)
      case .addresses(let addresses):
        found += addresses.map { address in
          var attempt = attempt
          attempt.place.address = address
          attempt.options["hostaddr"] = address
          return attempt
        }
      }
    }
    if let index = found.firstIndex(where: { $0.place == memory.lastGood }) {
      found.insert(found.remove(at: index), at: 0)
    }
    return (found, failures, unanswered)
  }

  typealias Attempts = (attempts: [Attempt], failures: [String], unanswered: [String])

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

extension ConnectionString.Attempt {
  /// The host, if it is neither an address nor a folder of a socket, nor libpq's default.
  fileprivate var nameToLookUp: String? {
    guard let host = options["host"], !host.isEmpty, (options["hostaddr"] ?? "").isEmpty,
      !host.hasPrefix("/"), !host.hasPrefix("@")
    else { return nil }
    var address = in6_addr()
    let isNumeric =
      inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1
    return isNumeric ? nil : host
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
