import GRPC
import MachineModel
import NIOCore
import ProgressorEngine
import ProgressorProto
import ProgressorStorage

/// `progressor.v1.RepairJobs`: the rows of jobs, and a nudge for those who work on them.
struct RepairJobsService: Sendable {
  /// The name under which health and reflection know it.
  static let name = "progressor.v1.RepairJobs"

  static let defaultPageSize: Int32 = 100
  static let maximumPageSize: Int32 = 1_000
  /// Jobs are larger than machines.
  static let maximumJobs: Int32 = 100

  let storage: Storage
  let clock: NodeClock
  let maximumMessageBytes: Int
  /// Has this node look at the jobs now.
  let jobsChanged: @Sendable () -> Void

  /// Serves the methods of the service.
  func register(in router: inout Router) {
    serve(CreateRepairJobRequest.self, "Create", &router, namespace: \.spec.namespace) {
      request, access, hidden throws(ProgressorError) in
      try access.payloads(in: request.spec.namespace)
      var spec = request.spec
      if let name = access.principalName { spec.requestedBy = name }
      let job = try await storage.createRepairJob(
        request.id ?? RepairJobsService.newID(), spec, by: access.principalName,
        now: clock.now().wall)
      jobsChanged()
      return CreateRepairJobResponse(job: try shown(job.job, access, &hidden))
    }
    serve(GetRepairJobRequest.self, "Get", &router) {
      request, access, hidden throws(ProgressorError) in
      try await require(request.id, access)
      let job = try await storage.repairJob(request.id).job
      return GetRepairJobResponse(job: try shown(job, access, &hidden))
    }
    serve(CancelRepairJobRequest.self, "Cancel", &router) {
      request, access, hidden throws(ProgressorError) in
      try await require(request.id, access)
      let job = try await storage.cancelRepairJob(request.id, now: clock.now().wall)
      jobsChanged()
      return CancelRepairJobResponse(job: try shown(job.job, access, &hidden))
    }
    serve(ListRepairJobsRequest.self, "List", &router) {
      request, access, hidden throws(ProgressorError) in
      try await list(request, access, &hidden)
    }
    serve(ListRepairJobFailuresRequest.self, "ListFailures", &router) {
      request, access, _ throws(ProgressorError) in
      try await require(request.id, access)
      return try await listFailures(request)
    }
    serve(ListRepairJobRemainingRequest.self, "ListRemaining", &router) {
      request, access, _ throws(ProgressorError) in
      try await require(request.id, access)
      return try await listRemaining(request)
    }
  }

  /// Nothing unless the caller may know of the job. One that is not there is denied like one of a
  /// namespace that the caller may not ask about: which it is, nobody tells.
  private func require(_ id: String, _ access: CallerAccess) async throws(ProgressorError) {
    guard access.isRestricted else { return }
    let namespace: String
    do throws(ProgressorError) {
      namespace = try await storage.repairJob(id).job.spec.namespace
    } catch {
      // That storage is away says nothing of the job; that it is damaged does.
      throw error.code == .unavailable || access.allowsEverything ? error : .notAllowed
    }
    try access.payloads(in: namespace)
  }

  /// The job as the caller may see it.
  private func shown(
    _ job: RepairJob, _ access: CallerAccess, _ hidden: inout HiddenPayloads
  ) throws(ProgressorError) -> RepairJob {
    try access.payloads(in: job.spec.namespace) == .hidden ? hidden.hide(in: job) : job
  }

  /// An id that no other job has.
  private static func newID() -> String {
    let digits = String(UInt64.random(in: .min ... .max), radix: 16)
    return "repair-" + String(repeating: "0", count: 16 - digits.count) + digits
  }

  private func list(
    _ request: ListRepairJobsRequest, _ access: CallerAccess, _ hidden: inout HiddenPayloads
  ) async throws(ProgressorError) -> ListRepairJobsResponse {
    if let namespace = request.namespace { try access.payloads(in: namespace) }
    let scope = RepairJobScope(method: "List", subject: request.namespace ?? "")
    var before = Int64.max
    if !request.pageToken.isEmpty {
      guard let number = Int64(try PageToken.read(request.pageToken, of: scope)) else {
        throw PageToken.refusal
      }
      before = number
    }
    let size = min(pageSize(request.pageSize), Self.maximumJobs)
    let isShown: @Sendable (String) -> Bool = { access.allows($0) }
    let jobs = try await storage.repairJobs(
      ofNamespace: request.namespace, before: before, limit: size + 1,
      where: access.isRestricted ? isShown : nil)
    let page = jobs.prefix(Int(size))
    var visible: [RepairJob] = []
    for job in page { visible.append(try shown(job.job, access, &hidden)) }
    return ListRepairJobsResponse(
      jobs: visible,
      nextPageToken: token(after: jobs.count > page.count ? page.last : nil, of: scope) {
        String($0.number)
      })
  }

  private func listFailures(
    _ request: ListRepairJobFailuresRequest
  ) async throws(ProgressorError) -> ListRepairJobFailuresResponse {
    let scope = RepairJobScope(method: "ListFailures", subject: request.id)
    var after: String?
    if !request.pageToken.isEmpty { after = try PageToken.read(request.pageToken, of: scope) }
    let size = pageSize(request.pageSize)
    let failures = try await storage.repairJobFailures(request.id, after: after, limit: size + 1)
    let page = failures.prefix(Int(size))
    return ListRepairJobFailuresResponse(
      failures: Array(page),
      nextPageToken: token(after: failures.count > page.count ? page.last : nil, of: scope) {
        $0.machine
      })
  }

  private func listRemaining(
    _ request: ListRepairJobRemainingRequest
  ) async throws(ProgressorError) -> ListRepairJobRemainingResponse {
    let scope = RepairJobScope(method: "ListRemaining", subject: request.id)
    var after: RepairPosition?
    if !request.pageToken.isEmpty {
      after = RepairPosition(text: try PageToken.read(request.pageToken, of: scope))
      if after == nil { throw PageToken.refusal }
    }
    let size = pageSize(request.pageSize)
    let machines = try await storage.repairJobRemaining(request.id, after: after, limit: size + 1)
    let page = machines.prefix(Int(size))
    return ListRepairJobRemainingResponse(
      machines: page.map(\.machine),
      nextPageToken: token(after: machines.count > page.count ? page.last : nil, of: scope) {
        $0.position.text
      })
  }

  private func pageSize(_ asked: Int32) -> Int32 {
    asked == 0 ? Self.defaultPageSize : min(asked, Self.maximumPageSize)
  }

  /// The token for the page after `last`; empty for nil, when there is none.
  private func token<Element>(
    after last: Element?, of scope: RepairJobScope, _ text: (Element) -> String
  ) -> String {
    last.map { PageToken.make(after: text($0), of: scope) } ?? ""
  }

  /// Serves a method; a task per call will do for what operators do now and then.
  private func serve<Message: ProtobufMessage, Response: ProtobufMessage>(
    _: Message.Type, _ method: String, _ router: inout Router,
    namespace: (@Sendable (Message) -> String)? = nil,
    answer:
      @escaping @Sendable (Message, CallerAccess, inout HiddenPayloads)
      async
      throws(ProgressorError) -> Response
  ) {
    let limit = maximumMessageBytes
    router.unary("/\(RepairJobsService.name)/\(method)") { request, responder in
      let access = CallerAccess(request)
      let message: Message
      do throws(ProgressorError) { message = try .decode(request.message) } catch {
        // Create names a namespace, in its spec; the others are about a job.
        let isAboutNamespace = namespace != nil
        responder.fail(
          RPCStatus(
            isAboutNamespace
              ? access.refusal(error, of: request.message, namespaceAt: [2, 1]) : error))
        return
      }
      Task {
        do throws(ProgressorError) {
          var hidden = HiddenPayloads()
          let answer = try await answer(message, access, &hidden)
          guard let response = answer.buffer(limit: limit) else {
            throw ProgressorError(
              .resourceExhausted, .historyTooLarge,
              "the reply exceeds \(limit) bytes: ask for less by page_size")
          }
          responder.respond(response, headers: hidden.bytes > 0 ? hidden.metadata : Metadata())
        } catch {
          let machine = MachineID(namespace: namespace?(message) ?? "", id: "")
          responder.fail(RPCStatus(error, machine: machine))
        }
      }
    }
  }
}

/// What must stay the same from page to page.
private struct RepairJobScope: PageScope {
  var method: String
  /// The job's id, or the namespace.
  var subject: String

  var parts: [String] { ["RepairJobs", method, subject] }
}

extension RepairPosition {
  /// As a page token carries it.
  fileprivate var text: String { "\(failedAt.microseconds).\(shard.number).\(key.number)" }

  fileprivate init?(text: String) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let time = Int64(parts[0]), let shard = Int32(parts[1]),
      let key = Int64(parts[2])
    else { return nil }
    self.init(
      failedAt: Timestamp(microseconds: time), shard: ShardID(shard), key: MachineKey(key))
  }
}
