import MachineModel
import ProgressorProto

/// Calls of `progressor.v1.RepairJobs`.
struct RepairJobClient {
  /// The service that all of them call.
  static let service = "progressor.v1.RepairJobs"

  let client: Client

  /// Runs `body` with a client, and closes it.
  static func with<Result>(
    _ options: ClientOptions, _ body: (RepairJobClient) async throws -> Result
  ) async throws -> Result {
    try await Client.with(options) { try await body(RepairJobClient(client: $0)) }
  }

  func create(_ id: String, _ spec: RepairJobSpec) async throws(ClientFailure) -> RepairJob {
    try await call(
      "Create", CreateRepairJobRequest(id: id, spec: spec), CreateRepairJobResponse.self,
      .keyed
    ).job
  }

  func get(_ id: String) async throws(ClientFailure) -> RepairJob {
    try await call("Get", GetRepairJobRequest(id: id), GetRepairJobResponse.self).job
  }

  func cancel(_ id: String) async throws(ClientFailure) -> RepairJob {
    try await call("Cancel", CancelRepairJobRequest(id: id), CancelRepairJobResponse.self).job
  }

  /// Calls `body` with page after page, of at most `limit` jobs together; never with an empty one.
  func eachPage(
    ofNamespace namespace: String?, limit: Int, _ body: ([RepairJob]) -> Void
  ) async throws(ClientFailure) {
    try await pages(limit: limit, body) { (size, token) async throws(ClientFailure) in
      let request = ListRepairJobsRequest(
        namespace: namespace, pageSize: size, pageToken: token)
      let response = try await call("List", request, ListRepairJobsResponse.self)
      return (response.jobs, response.nextPageToken)
    }
  }

  /// Calls `body` with page after page of what a job could not repair.
  func eachPage(
    ofFailures id: String, limit: Int, _ body: ([RepairJobFailure]) -> Void
  ) async throws(ClientFailure) {
    try await pages(limit: limit, body) { (size, token) async throws(ClientFailure) in
      let request = ListRepairJobFailuresRequest(id: id, pageSize: size, pageToken: token)
      let response = try await call(
        "ListFailures", request, ListRepairJobFailuresResponse.self)
      return (response.failures, response.nextPageToken)
    }
  }

  /// Calls `body` with page after page of what a job has still to repair.
  func eachPage(
    ofRemaining id: String, limit: Int, _ body: ([RepairJobMachine]) -> Void
  ) async throws(ClientFailure) {
    try await pages(limit: limit, body) { (size, token) async throws(ClientFailure) in
      let request = ListRepairJobRemainingRequest(id: id, pageSize: size, pageToken: token)
      let response = try await call(
        "ListRemaining", request, ListRepairJobRemainingResponse.self)
      return (response.machines, response.nextPageToken)
    }
  }

  private func pages<Element>(
    limit: Int, _ body: ([Element]) -> Void,
    read: (Int32, String) async throws(ClientFailure) -> ([Element], String)
  ) async throws(ClientFailure) {
    var rest = limit
    var token = ""
    repeat {
      let (found, next) = try await read(Int32(min(rest, 1_000)), token)
      let page = Array(found.prefix(rest))
      if !page.isEmpty { body(page) }
      rest -= page.count
      token = next
    } while !token.isEmpty && rest > 0
  }

  private func call<Request: ProtobufMessage, Response: ProtobufMessage>(
    _ method: String, _ request: Request, _: Response.Type,
    _ repeatability: Repeatability? = nil
  ) async throws(ClientFailure) -> Response {
    try await client.call(
      Self.service, method, request, repeatability: repeatability, as: Response.self)
  }
}
