import CProgressorProto
public import MachineModel

/// `google.rpc.ErrorInfo`: why a call failed, for programs.
public struct ErrorInfo: ProtobufMessage {
  /// A constant of the domain.
  public var reason: String
  /// Who defines the reason.
  public var domain: String
  /// What it was about.
  public var metadata: [ExactText: String]

  /// The domain of the contract's own reasons.
  public static let progressorDomain = "progressor"

  /// The type of an `AnyMessage` that holds an ErrorInfo.
  public static let typeURL = "type.googleapis.com/google.rpc.ErrorInfo"

  public init(reason: String, domain: String, metadata: [ExactText: String] = [:]) {
    self.reason = reason
    self.domain = domain
    self.metadata = metadata
  }
}

extension ErrorInfo: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Google__Rpc__ErrorInfo>?) -> Void {
    google__rpc__error_info__init
  }

  init(_ message: Google__Rpc__ErrorInfo) throws(ProtobufError) {
    reason = try message.reason.text("reason")
    domain = try message.domain.text("domain")
    let entries = try ErrorInfoEntry.readAll(
      message.metadata, count: message.n_metadata, "metadata")
    metadata = Dictionary(entries.map { (ExactText($0.key), $0.value) }) { _, last in last }
  }

  func fill(_ message: inout Google__Rpc__ErrorInfo, in arena: inout ProtobufArena) {
    message.reason = arena.make(reason)
    message.domain = arena.make(domain)
    let entries = metadata.sorted { $0.key < $1.key }.map {
      ErrorInfoEntry(key: $0.key.text, value: $0.value)
    }
    message.metadata = arena.makeAll(entries)
    message.n_metadata = entries.count
  }
}

/// An entry of the map `ErrorInfo.metadata`.
private struct ErrorInfoEntry: CRepresentable {
  var key: String
  var value: String

  init(key: String, value: String) {
    self.key = key
    self.value = value
  }

  static var initialize: (UnsafeMutablePointer<Google__Rpc__ErrorInfo__MetadataEntry>?) -> Void {
    google__rpc__error_info__metadata_entry__init
  }

  init(_ message: Google__Rpc__ErrorInfo__MetadataEntry) throws(ProtobufError) {
    key = try message.key.text("key")
    value = try message.value.text("value")
  }

  func fill(
    _ message: inout Google__Rpc__ErrorInfo__MetadataEntry, in arena: inout ProtobufArena
  ) {
    message.key = arena.make(key)
    message.value = arena.make(value)
  }
}
