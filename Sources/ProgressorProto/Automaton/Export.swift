import CProgressorProto
public import MachineModel

/// Request of `Automaton.Export`.
public struct ExportRequest: ProtobufMessage {
  /// The namespace.
  public var namespace: String
  /// Only these machines; empty = all.
  public var ids: [String]
  /// Only machines whose ids are greater; empty = from the first on.
  public var afterID: String
  /// Of the page before; empty = the first page.
  public var pageToken: String

  /// The most `ids` of one request.
  public static let maximumIDs = 1_000

  public init(namespace: String, ids: [String] = [], afterID: String = "", pageToken: String = "") {
    self.namespace = namespace
    self.ids = ids
    self.afterID = afterID
    self.pageToken = pageToken
  }
}

extension ExportRequest: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ExportRequest>?) -> Void {
    progressor__v1__export_request__init
  }

  init(_ message: Progressor__V1__ExportRequest) throws(ProtobufError) {
    namespace = try message.namespace_.identifier("namespace")
    if message.n_ids > Self.maximumIDs {
      throw .invalid("ids", "are more than \(Self.maximumIDs)")
    }
    ids = []
    for index in 0..<message.n_ids {
      ids.append(try message.ids[index].identifier("ids[\(index)]"))
    }
    afterID = message.after_id.len == 0 ? "" : try message.after_id.identifier("after_id")
    pageToken = try message.page_token.text("page_token")
  }

  func fill(_ message: inout Progressor__V1__ExportRequest, in arena: inout ProtobufArena) {
    message.namespace_ = arena.make(namespace)
    message.ids = arena.makeAll(ids)
    message.n_ids = ids.count
    message.after_id = arena.make(afterID)
    message.page_token = arena.make(pageToken)
  }
}

/// Response of `Automaton.Export`.
public struct ExportResponse: ProtobufMessage {
  /// The pieces, in order.
  public var parts: [MachinePart]
  /// For the next page; empty = this is the last one.
  public var nextPageToken: String

  public init(parts: [MachinePart], nextPageToken: String = "") {
    self.parts = parts
    self.nextPageToken = nextPageToken
  }
}

extension ExportResponse: CRepresentable {
  static var initialize: (UnsafeMutablePointer<Progressor__V1__ExportResponse>?) -> Void {
    progressor__v1__export_response__init
  }

  static var budget: DecodingBudget { .machine }

  init(_ message: Progressor__V1__ExportResponse) throws(ProtobufError) {
    parts = try MachinePart.readAll(message.parts, count: message.n_parts, "parts")
    nextPageToken = try message.next_page_token.text("next_page_token")
  }

  func fill(_ message: inout Progressor__V1__ExportResponse, in arena: inout ProtobufArena) {
    message.parts = arena.makeAll(parts)
    message.n_parts = parts.count
    message.next_page_token = arena.make(nextPageToken)
  }
}
