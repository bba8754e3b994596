import AsyncHTTPClient
public import MachineModel
public import NIOCore
import NIOHTTP1
import NIOSSL

/// Delivers entries by POST: batches of CloudEvents, with the headers of Standard Webhooks 1.0.
///
/// One request at a time, in the order of the entries, so that those of each machine keep theirs.
/// An answer of 2xx is a delivery, 413 of a large entry alone parks it, and everything else has to
/// be tried again. Redirects are not followed. HTTP/1.1 over one connection, which is kept; with
/// TLS the certificate has to be one that the system trusts.
public final class WebhookTarget: SinkTarget {
  /// Bytes that a batch of several entries may have.
  static let bodyBytes = 1 << 20
  /// A body of no more than this is not too large for anybody: who answers 413 to it means
  /// something else, such as a rate.
  static let smallBodyBytes = 64 << 10
  /// Bytes of an answer's body that are read, to use the connection again. Nothing is done with
  /// them.
  static let answerBytes = 64 << 10

  private let setting: WebhookSetting
  private let url: WebhookURL
  private let userAgent: String
  private let now: @Sendable () -> Timestamp
  private let client: HTTPClient

  /// Makes a target; it connects when there is something to be delivered.
  ///
  /// - Parameters:
  ///   - setting: Where to and how.
  ///   - userAgent: The value of `user-agent`.
  ///   - group: Where the connection lives. It has to outlive the target.
  ///   - now: The time of day, for signatures.
  public convenience init(
    _ setting: WebhookSetting, userAgent: String = "progressor", group: any EventLoopGroup,
    now: @escaping @Sendable () -> Timestamp
  ) throws(WebhookURLError) {
    try self.init(setting, userAgent: userAgent, group: group, roots: .default, now: now)
  }

  /// - Parameter roots: Whom certificates have to come from.
  init(
    _ setting: WebhookSetting, userAgent: String, group: any EventLoopGroup,
    roots: NIOSSLTrustRoots, now: @escaping @Sendable () -> Timestamp
  ) throws(WebhookURLError) {
    // First: a client that is made has to be shut down.
    url = try WebhookURL(setting.url)
    self.setting = setting
    self.userAgent = userAgent
    self.now = now
    client = HTTPClient(
      eventLoopGroupProvider: .shared(group),
      configuration: WebhookTarget.configuration(timeout: setting.timeout, roots: roots))
  }

  deinit {
    // The client traps where it is let go without; it holds itself until it has shut down. When
    // `close` was called it only says that it has.
    client.shutdown { _ in }
  }

  private static func configuration(
    timeout: Duration, roots: NIOSSLTrustRoots
  ) -> HTTPClient.Configuration {
    var tls = TLSConfiguration.makeClientConfiguration()
    tls.trustRoots = roots
    tls.minimumTLSVersion = .tlsv12
    var configuration = HTTPClient.Configuration(
      tlsConfiguration: tls, redirectConfiguration: .disallow,
      timeout: HTTPClient.Configuration.Timeout(connect: TimeAmount(timeout)),
      decompression: .disabled)
    configuration.httpVersion = .http1Only
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1
    configuration.connectionPool.idleTimeout = .seconds(30)
    // Whoever called tries again, and wants to know why it has to.
    configuration.connectionPool.retryConnectionEstablishment = false
    return configuration
  }

  /// Delivers entries in requests of `batch` entries and ``bodyBytes`` at most, until one fails or
  /// the task is cancelled: then that one and all behind it are pending.
  public func deliver(_ entries: [FeedEntry]) async -> SinkReceipt {
    var outcomes: [SinkOutcome] = []
    var bytes = WebhookTarget.bodyBytes
    while outcomes.count < entries.count {
      let batch = CloudEventBatch(
        entries[outcomes.count...], atMost: max(1, setting.batch), bytes: bytes)
      switch await post(batch, first: entries[outcomes.count]) {
      case .delivered: outcomes += repeatElement(.delivered, count: batch.count)
      case .tooLarge where batch.count == 1 && batch.body.count <= WebhookTarget.smallBodyBytes:
        return SinkReceipt(
          outcomes, of: entries.count,
          failure: SinkFailure(
            "\(url.authority) answered 413 to an entry of only \(batch.body.count) bytes"))
      case .tooLarge where batch.count > 1:
        // Bytes, not entries: what is large goes alone after a few attempts, and the small ones
        // behind it together again.
        bytes = batch.body.count / 2
      case .tooLarge:
        outcomes.append(
          .parked("\(url.authority) answered 413 to the entry alone, \(batch.body.count) bytes"))
      case .failed(let failure):
        return SinkReceipt(outcomes, of: entries.count, failure: failure)
      }
    }
    return SinkReceipt(outcomes: outcomes)
  }

  /// Closes the connection; a request that is under way fails. May be called more than once.
  public func close() async {
    // It fails only when it was closed before.
    try? await client.shutdown()
  }

  /// What became of a request.
  private enum Result {
    case delivered
    case tooLarge
    case failed(SinkFailure)
  }

  /// One request and its answer, within the time for both.
  private func post(_ batch: CloudEventBatch, first: FeedEntry) async -> Result {
    let head = WebhookHead(
      first: first, body: batch.body, time: now(), secret: setting.secret, userAgent: userAgent)
    var request = HTTPClientRequest(url: url.text)
    request.method = .POST
    request.headers = HTTPHeaders(head.fields)
    request.body = .bytes(ByteBuffer(bytes: batch.body))
    return await withTaskGroup { [request] group in
      group.addTask { await self.exchange(request) }
      group.addTask {
        // Nil = there was an answer, or the task was cancelled, which the exchange will say.
        (try? await Task.sleep(for: self.setting.timeout)).map {
          self.failed("did not answer in time")
        }
      }
      var result: Result?
      while result == nil, let next = await group.next() { result = next }
      group.cancelAll()
      return result ?? failed("was not asked")
    }
  }

  private func exchange(_ request: HTTPClientRequest) async -> Result? {
    do {
      let response = try await client.execute(request, timeout: TimeAmount(setting.timeout))
      switch response.status.code {
      case 200..<300:
        try await drop(response.body)
        // Where the time was over, what was read may have ended with it.
        try Task.checkCancellation()
        return .delivered
      // Of these nothing more is awaited: the connection is closed with what is on its way.
      case let code:
        let wish = response.headers.first(name: "retry-after")
        // Who names a time means that it is only now too large (RFC 9110, 15.5.14).
        if code == 413, wish == nil { return .tooLarge }
        return failed(
          (300..<400).contains(code)
            ? "answered \(code): redirects are not followed" : "answered \(code)",
          retryAfter: wish.flatMap { RetryAfter.duration($0, now: now()) })
      }
    } catch {
      return failed(WebhookFailureText.text(of: error))
    }
  }

  /// Reads what is left of an answer; closes the connection when that is too much.
  private func drop(_ body: HTTPClientResponse.Body) async throws {
    var count = 0
    for try await part in body {
      count += part.readableBytes
      if count > WebhookTarget.answerBytes { return }
    }
  }

  private func failed(_ what: String, retryAfter: Duration? = nil) -> Result {
    .failed(SinkFailure("\(url.authority) \(what)", retryAfter: retryAfter))
  }
}

extension SinkReceipt {
  /// What came behind these outcomes is pending.
  fileprivate init(_ outcomes: [SinkOutcome], of count: Int, failure: SinkFailure) {
    let pending = repeatElement(SinkOutcome.pending, count: count - outcomes.count)
    self.init(outcomes: outcomes + pending, failure: failure)
  }
}
