public import GRPC
public import TransportSecurity

/// Where to serve, and what there: an entry of `listen`.
public struct ListenerSetting: Sendable, Hashable {
  /// The address.
  public var address: ServerAddress
  /// nil = no TLS.
  public var tls: ListenerTLS?
  /// nil = everything.
  public var services: Set<ListenerService>?

  init(_ address: ServerAddress) { self.address = address }
}

/// The TLS of a listener: paths of PEM files.
public struct ListenerTLS: Sendable, Hashable {
  /// The chain that is shown to clients, leaf first.
  public var certificate: String
  /// Its private key.
  public var key: String
  /// Who signs clients' certificates; nil = nobody is asked for one.
  public var clientCA: String?
  /// Whether clients show certificates.
  public var clientCertificates: ServerCredentials.ClientCertificates
}

/// What a listener can serve, by the names of the configuration.
public enum ListenerService: String, Sendable, Hashable, CaseIterable {
  /// Machines.
  case automaton
  /// Namespaces.
  case namespaces
  /// Repair jobs.
  case repairJobs = "repair_jobs"
  /// Changes of machines.
  case eventSink = "event_sink"
  /// The nodes.
  case cluster
  /// The contract, for tools.
  case reflection
  /// Whether it serves.
  case health

  /// The full names of the services.
  var names: [String] {
    switch self {
    case .automaton: [AutomatonService.name]
    case .namespaces: [NamespacesService.name]
    case .repairJobs: [RepairJobsService.name]
    case .eventSink: [EventSinkService.name]
    case .cluster: ["progressor.v1.Cluster"]
    case .reflection: ReflectionService.names
    case .health: [HealthService.name]
    }
  }
}

extension ListenerTLS {
  /// Checks what belongs together; the error says what is missing.
  init(
    certificate: String?, key: String?, clientCA: String?,
    clientCertificates: ServerCredentials.ClientCertificates? = nil
  ) throws(InvalidListener) {
    guard let certificate else { throw InvalidListener("has no certificate") }
    guard let key else { throw InvalidListener("has no key") }
    let wanted = clientCertificates ?? (clientCA == nil ? .none : .required)
    if wanted == .none, clientCA != nil {
      throw InvalidListener("has a client_ca that client_certificates: none makes no use of")
    }
    if wanted != .none, clientCA == nil {
      throw InvalidListener("has no client_ca to know clients' certificates by")
    }
    self.certificate = certificate
    self.key = key
    self.clientCA = clientCA
    self.clientCertificates = wanted
  }
}

/// Why a listener cannot be as it is described.
struct InvalidListener: Error {
  /// Beginning with a verb.
  let problem: String

  init(_ problem: String) { self.problem = problem }
}

extension ListenerSetting: CustomStringConvertible {
  /// The address, and in braces what it has beyond.
  public var description: String {
    var parts: [String] = []
    if let tls {
      parts.append("certificate: \(tls.certificate), key: \(tls.key)")
      if let clientCA = tls.clientCA {
        parts.append("client_ca: \(clientCA), client_certificates: \(tls.clientCertificates)")
      }
    }
    if let services {
      let names = services.map(\.rawValue).sorted().joined(separator: ", ")
      parts.append("services: \(names)")
    }
    return parts.isEmpty ? "\(address)" : "\(address) {\(parts.joined(separator: "; "))}"
  }
}
