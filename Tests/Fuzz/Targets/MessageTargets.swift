@testable import ProgressorProto

extension FuzzTarget {
  /// What clients ask for, as the server decodes it.
  static let requests = FuzzTarget(
    name: "requests", maximumBytes: 2_048, seeds: { MessageCheck.emptyOnes(of: Messages.requests) },
    check: .atOnce { try MessageCheck(Messages.requests, $0).run() })

  /// What processors answer, and what clients of ours read.
  static let replies = FuzzTarget(
    name: "replies", maximumBytes: 2_048, seeds: { MessageCheck.emptyOnes(of: Messages.replies) },
    check: .atOnce { try MessageCheck(Messages.replies, $0).run() })
}

/// Types of messages by their numbers in inputs. New ones stand at the end: else each input of the
/// corpus would mean another type.
enum Messages {
  static let requests: [any ProtobufMessage.Type] = [
    StartRequest.self, CallRequest.self, NotifyRequest.self, RepairRequest.self,
    SimpleRepairRequest.self, GetRequest.self, RemoveRequest.self, PauseRequest.self,
    ResumeRequest.self, ListRequest.self, CountRequest.self, ListNotificationsRequest.self,
    DropNotificationRequest.self, TraceRequest.self, ExportRequest.self, ImportRequest.self,
    CreateNamespaceRequest.self, UpdateNamespaceRequest.self, GetNamespaceRequest.self,
    DeleteNamespaceRequest.self, ListNamespacesRequest.self, PauseNamespaceRequest.self,
    ResumeNamespaceRequest.self, CreateRepairJobRequest.self, GetRepairJobRequest.self,
    CancelRepairJobRequest.self, ListRepairJobsRequest.self, ListRepairJobFailuresRequest.self,
    ListRepairJobRemainingRequest.self, ClusterStatusRequest.self, HealthCheckRequest.self,
    HealthListRequest.self, ProcessSignalRequest.self, ProcessCallRequest.self,
    ProcessRepairRequest.self, ExportSpansRequest.self, StartOrCallRequest.self,
    StartOrNotifyRequest.self, WatchRequest.self, ListMessagesRequest.self,
    DropMessageRequest.self, RetryMessageRequest.self, SubscribeRequest.self,
    AcknowledgeRequest.self, ListConsumersRequest.self, ResetConsumerRequest.self,
    DeleteConsumerRequest.self,
  ]

  static let replies: [any ProtobufMessage.Type] = [
    ProcessSignalResponse.self, ProcessCallResponse.self, ProcessRepairResponse.self,
    RichStatus.self, ErrorInfo.self, ExportSpansResponse.self, StartResponse.self,
    CallResponse.self, NotifyResponse.self, RepairResponse.self, SimpleRepairResponse.self,
    GetResponse.self, RemoveResponse.self, PauseResponse.self, ResumeResponse.self,
    ListResponse.self, CountResponse.self, ListNotificationsResponse.self,
    DropNotificationResponse.self, TraceResponse.self, ExportResponse.self, ImportResponse.self,
    CreateNamespaceResponse.self, UpdateNamespaceResponse.self, GetNamespaceResponse.self,
    DeleteNamespaceResponse.self, ListNamespacesResponse.self, PauseNamespaceResponse.self,
    ResumeNamespaceResponse.self, CreateRepairJobResponse.self, GetRepairJobResponse.self,
    CancelRepairJobResponse.self, ListRepairJobsResponse.self, ListRepairJobFailuresResponse.self,
    ListRepairJobRemainingResponse.self, ClusterStatusResponse.self, HealthCheckResponse.self,
    HealthListResponse.self, StartOrCallResponse.self, StartOrNotifyResponse.self,
    WatchResponse.self, ListMessagesResponse.self, DropMessageResponse.self,
    RetryMessageResponse.self, SubscribeResponse.self, AcknowledgeResponse.self,
    ListConsumersResponse.self, ResetConsumerResponse.self, DeleteConsumerResponse.self,
  ]

  /// Messages of the contract that no list has.
  static var missing: [String] {
    let listed = Set((requests + replies).map { "progressor.v1.\($0)" })
    return DescriptorSet.embedded.files
      .filter { $0.name.hasPrefix("progressor/") }
      .flatMap(\.symbols)
      .filter { $0.hasSuffix("Request") || $0.hasSuffix("Response") }
      .filter { !listed.contains($0) }
  }
}

/// The first byte is the number of a type.
private struct MessageCheck {
  private let type: any ProtobufMessage.Type
  private let bytes: [UInt8]

  init(_ types: [any ProtobufMessage.Type], _ input: [UInt8]) {
    var input = FuzzInput(input)
    type = types[Int(input.byte()) % types.count]
    bytes = Array(input.rest)
  }

  func run() throws { try type.check(bytes) }

  /// One of each type, with two texts in it: the beginnings of most.
  static func emptyOnes(of types: [any ProtobufMessage.Type]) -> [[UInt8]] {
    types.indices.flatMap { index in
      [[UInt8(index)], [UInt8(index), 0x0A, 1, 0x61, 0x12, 1, 0x62]]
    }
  }
}

extension ProtobufMessage {
  fileprivate static func check(_ bytes: [UInt8]) throws {
    let message: Self
    do throws(ProtobufError) {
      message = try Self(decoding: bytes)
    } catch {
      // It goes to who sent the message, and into a log.
      try demand(!"\(error)".isEmpty, "an error says nothing")
      return
    }
    let encoded = message.encoded()
    let again: [UInt8]
    do {
      again = try Self(decoding: encoded).encoded()
    } catch {
      throw Violation(description: "\(Self.self): \(error) in what was encoded: \(encoded)")
    }
    try demand(isSame(again, encoded), "\(Self.self): \(encoded) comes back as \(again)")
    // A field that is not known changes nothing: number 536,870,911, the last there is.
    let unknown: [UInt8] = [0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 1]
    for other in [bytes + unknown, unknown + bytes] {
      let later = try Self(decoding: other).encoded()
      try demand(
        isSame(later, encoded), "\(Self.self): an unknown field changes \(encoded) to \(later)")
    }
  }

  /// Maps have no order: two that have the same are told by their bytes in order.
  private static func isSame(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left == right || left.count == right.count && left.sorted() == right.sorted()
  }
}
