import CProgressorProto

/// Request of OpenTelemetry's `TraceService.Export`: spans of one process, made by one library.
public struct ExportSpansRequest: ProtobufMessage {
  /// What is said of the process.
  public var resource: [SpanAttribute]
  /// The library that made the spans.
  public var scope: String
  /// Its version.
  public var scopeVersion: String
  /// The spans.
  public var spans: [TraceSpan]

  public init(
    resource: [SpanAttribute] = [], scope: String = "", scopeVersion: String = "",
    spans: [TraceSpan] = []
  ) {
    self.resource = resource
    self.scope = scope
    self.scopeVersion = scopeVersion
    self.spans = spans
  }
}

extension ExportSpansRequest: CRepresentable {
  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest>?)
      -> Void
  {
    opentelemetry__proto__collector__trace__v1__export_trace_service_request__init
  }

  init(
    _ message: Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest
  ) throws(ProtobufError) {
    let all = try ResourceSpans.readAll(
      message.resource_spans, count: message.n_resource_spans, "resource_spans")
    guard let only = all.first, all.count == 1 else {
      throw .invalid("resource_spans", "must be of one resource")
    }
    self = only.request
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest,
    in arena: inout ProtobufArena
  ) {
    message.resource_spans = arena.makeAll([ResourceSpans(request: self)])
    message.n_resource_spans = 1
  }
}

/// `ResourceSpans`.
private struct ResourceSpans: CRepresentable {
  var request: ExportSpansRequest

  init(request: ExportSpansRequest) { self.request = request }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Trace__V1__ResourceSpans>?) -> Void
  {
    opentelemetry__proto__trace__v1__resource_spans__init
  }

  init(_ message: Opentelemetry__Proto__Trace__V1__ResourceSpans) throws(ProtobufError) {
    let all = try ScopeSpans.readAll(
      message.scope_spans, count: message.n_scope_spans, "scope_spans")
    guard let only = all.first, all.count == 1 else {
      throw .invalid("scope_spans", "must be of one library")
    }
    request = only.request
    request.resource = try SpanResource.require(message.resource, "resource").attributes
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Trace__V1__ResourceSpans, in arena: inout ProtobufArena
  ) {
    message.resource = arena.make(SpanResource(attributes: request.resource))
    message.scope_spans = arena.makeAll([ScopeSpans(request: request)])
    message.n_scope_spans = 1
  }
}

/// `Resource`.
private struct SpanResource: CRepresentable {
  let attributes: [SpanAttribute]

  init(attributes: [SpanAttribute]) { self.attributes = attributes }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Resource__V1__Resource>?) -> Void
  {
    opentelemetry__proto__resource__v1__resource__init
  }

  init(_ message: Opentelemetry__Proto__Resource__V1__Resource) throws(ProtobufError) {
    attributes = try SpanAttribute.readAll(
      message.attributes, count: message.n_attributes, "attributes")
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Resource__V1__Resource, in arena: inout ProtobufArena
  ) {
    message.attributes = arena.makeAll(attributes)
    message.n_attributes = attributes.count
  }
}

/// `ScopeSpans`.
private struct ScopeSpans: CRepresentable {
  let request: ExportSpansRequest

  init(request: ExportSpansRequest) { self.request = request }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Trace__V1__ScopeSpans>?) -> Void
  {
    opentelemetry__proto__trace__v1__scope_spans__init
  }

  init(_ message: Opentelemetry__Proto__Trace__V1__ScopeSpans) throws(ProtobufError) {
    let scope = try SpanScope.require(message.scope, "scope")
    request = ExportSpansRequest(
      scope: scope.name, scopeVersion: scope.version,
      spans: try TraceSpan.readAll(message.spans, count: message.n_spans, "spans"))
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Trace__V1__ScopeSpans, in arena: inout ProtobufArena
  ) {
    message.scope = arena.make(SpanScope(name: request.scope, version: request.scopeVersion))
    message.spans = arena.makeAll(request.spans)
    message.n_spans = request.spans.count
  }
}

/// `InstrumentationScope`.
private struct SpanScope: CRepresentable {
  let name: String
  let version: String

  init(name: String, version: String) {
    self.name = name
    self.version = version
  }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Common__V1__InstrumentationScope>?) -> Void
  {
    opentelemetry__proto__common__v1__instrumentation_scope__init
  }

  init(
    _ message: Opentelemetry__Proto__Common__V1__InstrumentationScope
  ) throws(ProtobufError) {
    name = try message.name.text("name")
    version = try message.version.text("version")
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Common__V1__InstrumentationScope,
    in arena: inout ProtobufArena
  ) {
    message.name = arena.make(name)
    message.version = arena.make(version)
  }
}

/// Response of OpenTelemetry's `TraceService.Export`.
public struct ExportSpansResponse: ProtobufMessage {
  /// How many spans the collector did not take; it is not to be sent them again.
  public var rejected: Int64
  /// Why, or what else it has to say; may be empty.
  public var message: String

  public init(rejected: Int64 = 0, message: String = "") {
    self.rejected = rejected
    self.message = message
  }
}

extension ExportSpansResponse: CRepresentable {
  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse>?)
      -> Void
  {
    opentelemetry__proto__collector__trace__v1__export_trace_service_response__init
  }

  init(
    _ message: Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse
  ) throws(ProtobufError) {
    let partial = try PartialSuccess.read(message.partial_success, "partial_success")
    self = partial?.response ?? ExportSpansResponse()
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceResponse,
    in arena: inout ProtobufArena
  ) {
    guard self != ExportSpansResponse() else { return }
    message.partial_success = arena.make(PartialSuccess(response: self))
  }
}

/// `ExportTracePartialSuccess`.
private struct PartialSuccess: CRepresentable {
  let response: ExportSpansResponse

  init(response: ExportSpansResponse) { self.response = response }

  static var initialize:
    (UnsafeMutablePointer<Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess>?)
      -> Void
  {
    opentelemetry__proto__collector__trace__v1__export_trace_partial_success__init
  }

  init(
    _ message: Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess
  ) throws(ProtobufError) {
    response = ExportSpansResponse(
      rejected: message.rejected_spans, message: try message.error_message.text("error_message"))
  }

  func fill(
    _ message: inout Opentelemetry__Proto__Collector__Trace__V1__ExportTracePartialSuccess,
    in arena: inout ProtobufArena
  ) {
    message.rejected_spans = response.rejected
    message.error_message = arena.make(response.message)
  }
}
