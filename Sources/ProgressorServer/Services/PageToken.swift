import GRPC
import MachineModel

/// The token of a page: where the next page begins, and of which list.
///
/// Opaque to clients. It holds a checksum of what is listed, so that a token of another list, or
/// one that was tampered with, is refused and not quietly misread.
enum PageToken {
  static let refusal = ProgressorError.invalidArgument(
    field: "page_token", "is no token that this method made for this list and these filters")

  /// The token for the page after the element `last`.
  static func make(after last: String, of request: some PageScope) -> String {
    Base64.encode([1] + request.checksum(last) + Array(last.utf8))
  }

  /// The element after which the page begins.
  static func read(
    _ token: String, of request: some PageScope
  ) throws(ProgressorError) -> String {
    // Longer ones cannot be of ours; they are not decoded at all.
    guard token.utf8.count <= 600, let bytes = Base64.decode(token.utf8), bytes.count > 9,
      bytes[0] == 1, let last = String(validating: bytes[9...], as: UTF8.self),
      request.checksum(last) == Array(bytes[1..<9])
    else { throw refusal }
    return last
  }
}

/// What must stay the same from page to page.
protocol PageScope: Sendable {
  /// Everything of it; no other list has the same.
  var parts: [String] { get }
}

/// The scope of `Automaton.List`.
struct ListScope: Hashable, PageScope {
  var namespace: String
  var status: StatusFilter
  var idPrefix: String
  var failedSince: Timestamp?
  var failedCode: Int32?

  var parts: [String] {
    var parts = [String(status.rawValue), namespace, idPrefix]
    // No text has U+0000, so that no other list has as many parts.
    if failedSince != nil || failedCode != nil {
      parts.append(failedSince.map { String($0.microseconds) } ?? "")
      parts.append(failedCode.map { String($0) } ?? "")
    }
    return parts
  }
}

/// The scope of `Automaton.ListMessages`.
struct MessageScope: PageScope {
  let machine: MachineID

  var parts: [String] { ["ListMessages", machine.namespace, machine.id] }
}

/// The scope of `Automaton.ListNotifications`.
struct NotificationScope: PageScope {
  var machine: MachineID

  var parts: [String] { ["ListNotifications", machine.namespace, machine.id] }
}

extension PageScope {
  /// FNV-1a, 64 bits, over everything and `last`.
  fileprivate func checksum(_ last: String) -> [UInt8] {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in (parts + [last]).map({ Array($0.utf8) + [0] }).joined() {
      hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
  }
}
