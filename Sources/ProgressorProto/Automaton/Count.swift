import CProgressorProto
public import MachineModel

/// Request of `Automaton.Count`.
public struct CountRequest: ProtobufMessage {
  /// The namespace.
  public var namespace: String

  public init(namespace: String) {
    self.namespace = namespace
  }
}

extension CountRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CountRequest>?) -> Void {
    progressor__v1__count_request__init
  }

  init(_ message: Progressor__V1__CountRequest) throws(ProtobufError) {
    namespace = try message.namespace_.identifier("namespace")
  }

  func fill(_ message: inout Progressor__V1__CountRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
  }
}

/// Response of `Automaton.Count`.
public struct CountResponse: ProtobufMessage {
  /// One for each filter, in the order of their numbers.
  public var counts: [StatusCount]

  public init(counts: [StatusCount]) {
    self.counts = counts
  }
}

extension CountResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__CountResponse>?) -> Void {
    progressor__v1__count_response__init
  }

  init(_ message: Progressor__V1__CountResponse) throws(ProtobufError) {
    counts = try StatusCount.readAll(message.counts, count: message.n_counts, "counts")
  }

  func fill(_ message: inout Progressor__V1__CountResponse, in arena: inout ProtobufArena) {
    message.counts = arena.makeAll(counts)
    message.n_counts = counts.count
  }
}

extension StatusCount: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__StatusCount>?) -> Void {
    progressor__v1__status_count__init
  }

  init(_ message: Progressor__V1__StatusCount) throws(ProtobufError) {
    self.init(
      status: try StatusFilter(message.status.rawValue, "status"), count: message.count,
      isCapped: message.capped != 0)
  }

  func fill(_ message: inout Progressor__V1__StatusCount, in arena: inout ProtobufArena) {
    message.status = Progressor__V1__StatusFilter(rawValue: UInt32(bitPattern: status.rawValue))
    message.count = count
    message.capped = isCapped ? 1 : 0
  }
}
