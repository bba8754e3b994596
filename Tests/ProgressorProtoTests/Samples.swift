import MachineModel
import ProgressorProto

/// Values of every message, full and empty, for tests that must hold for all of them.
enum Samples {
  static let machineID = MachineID(namespace: "orders", id: "заказ/№ 1 🧾")
  static let moment = Timestamp(microseconds: 1_700_000_000_123_456)
  static let range = HistoryRange(after: 7, limit: 0, direction: .backward)
  static let payload: [UInt8] = Array(0...255)

  static let emptyMachine = Machine(
    machineID: machineID, createdAt: Timestamp(microseconds: 0))

  static let fullMachine = Machine(
    machineID: machineID,
    history: [
      Event(id: 1, createdAt: moment, body: Content(formatVersion: -3, data: payload)),
      Event(id: 2, createdAt: .latest, body: Content(data: [])),
    ],
    historyRange: range,
    status: .working(
      Retrying(
        stepKind: .timeout, attempt: 3, nextAttemptAt: moment, lastCode: 14, lastMessage: "gone")),
    auxState: Content(data: []), timer: .earliest, lastEventID: .max, createdAt: moment,
    pause: Pause(pausedAt: moment, reason: "é", principal: "é"), since: .earliest)

  /// As Get shows it while something is in its way.
  static let waitingMachine: Machine = {
    var machine = emptyMachine
    machine.queuedNotifications = 3
    machine.pendingMessages = 4
    machine.undeliveredMessages = .max
    machine.waiting = Machine.Waiting(on: .step, since: moment)
    machine.waitingFor = "é"
    return machine
  }()

  static let notifications = [
    PendingNotification(
      notificationID: "1-2", acceptedAt: moment, args: payload, attempt: 3, nextAttemptAt: .latest,
      lastCode: 14, lastMessage: "é"),
    PendingNotification(notificationID: "1-3", acceptedAt: .earliest),
  ]

  static let failedMachine = Machine(
    machineID: machineID,
    status: .failed(
      Failure(
        reason: "é", failedAt: moment, stepKind: .call, code: 13, attempts: 1, step: "c-1-2",
        principal: "é")),
    createdAt: moment)

  static let answers: [ProcessorAnswer] = [
    ProcessorAnswer(),
    ProcessorAnswer(
      change: StateChange(auxState: Content(data: []), events: [Content(data: [])]),
      action: Action(timer: .unset, remove: true)),
    ProcessorAnswer(
      change: StateChange(events: [Content(formatVersion: 1, data: payload), Content(data: [])]),
      action: Action(
        timer: .set(
          TimerSetting(
            when: .timeout(microseconds: 0), historyRange: HistoryRange(),
            processingTimeout: 1)))),
    ProcessorAnswer(
      action: Action(timer: .set(TimerSetting(when: .deadline(.earliest))))),
    ProcessorAnswer(change: StateChange(waitingFor: ""), action: Action(fail: "")),
    ProcessorAnswer(change: StateChange(waitingFor: "é"), action: Action(fail: "é")),
    ProcessorAnswer(action: sending),
  ]

  static let outgoing: [OutgoingMessage] = [
    OutgoingMessage(target: MachineID(namespace: "", id: "é"), kind: .notify(args: [])),
    OutgoingMessage(
      target: machineID, kind: .notify(args: payload), when: .at(.earliest), name: "é",
      reportsFailure: true),
    OutgoingMessage(
      target: machineID, kind: .start(args: payload, ignoresExisting: true),
      when: .delay(microseconds: 0)),
    OutgoingMessage(
      target: machineID, kind: .start(args: [], ignoresExisting: false),
      when: .delay(microseconds: 1_500_000)),
  ]

  private static var sending: Action {
    var action = Action()
    action.send = outgoing
    action.cancelMessages = ["é", "a"]
    return action
  }

  static let pending: [PendingMessage] = [
    PendingMessage(
      number: 1, message: outgoing[1], createdAt: .earliest, deliverAt: .earliest,
      nextAttemptAt: .latest),
    PendingMessage(
      number: .max, message: outgoing[1], createdAt: moment, deliverAt: moment, attempts: .max,
      nextAttemptAt: nil, lastCode: 5, lastReason: "é"),
  ]

  static let namespaces: [Namespace] = [
    Namespace(name: "a", processor: ProcessorOptions(endpoint: "h:1")),
    Namespace(
      name: "a",
      processor: ProcessorOptions(
        endpoint: "unix:/p", timeout: 1_500_000, maxInFlight: 1, connections: 1,
        tls: ProcessorTLS(
          caFile: "/c", certificateFile: "/d", keyFile: "/k", serverName: "h.example")),
      retryPolicy: RetryPolicy(
        initialInterval: 0, multiplier: 1, maxInterval: 0, maxAttempts: 0, jitter: 0,
        nonRetryable: ["RESOURCE_EXHAUSTED", "OUT_OF_STOCK"]),
      limits: Limits(mailbox: 1, stepsInFlight: .max, notifications: 2, messages: 3),
      defaultHistoryRange: HistoryRange(limit: 10, direction: .backward),
      idempotencyRetention: 0, trace: TraceOptions(level: .all, retention: 1),
      feed: FeedOptions(isEnabled: true, hasBodies: true, retention: 1, maxBytes: .max), version: 4,
      pause: Pause(pausedAt: moment, reason: "é")),
  ]

  static let steps = [
    StepRecord(
      sequence: 2, step: "c-0-1", kind: .call, beganAt: moment, endedAt: .latest, outcome: .failed,
      attempt: 1, code: 13, message: "é", firstEventID: 1, lastEventID: .max, principal: "ann",
      traceID: "4bf92f3577b34da6a3ce929d0e0e4736"),
    StepRecord(
      sequence: 1, kind: nil, beganAt: .earliest, endedAt: .earliest, outcome: .paused),
  ]

  static var all: [any ProtobufMessage] {
    automaton + processor + administration + repairJobs + cluster + standard + traces + eventSink
  }

  private static var automaton: [any ProtobufMessage] {
    [
      StartRequest(machineID: machineID),
      StartRequest(machineID: machineID, args: payload, idempotencyKey: "key"),
      StartResponse(),
      CallRequest(machineID: machineID),
      CallRequest(
        machineID: machineID, args: payload, historyRange: HistoryRange(), idempotencyKey: "key",
        expectedLastEventID: 0),
      CallResponse(), CallResponse(response: payload),
      NotifyRequest(machineID: machineID),
      NotifyRequest(
        machineID: machineID, args: payload, historyRange: range, idempotencyKey: "key",
        expectedLastEventID: .max),
      NotifyResponse(notificationID: "1-2-3"),
      RepairRequest(machineID: machineID),
      RepairRequest(
        machineID: machineID, args: payload, historyRange: range, idempotencyKey: "key",
        expectedLastEventID: 1),
      RepairResponse(response: payload),
      SimpleRepairRequest(machineID: machineID), SimpleRepairResponse(),
      GetRequest(machineID: machineID), GetRequest(machineID: machineID, historyRange: range),
      GetRequest(machineID: machineID, wait: .afterEvent(0)),
      GetRequest(machineID: machineID, historyRange: range, wait: .afterEvent(.max)),
      GetRequest(machineID: machineID, wait: .notWorking),
      GetResponse(machine: emptyMachine), GetResponse(machine: fullMachine),
      GetResponse(machine: failedMachine), GetResponse(machine: waitingMachine),
      RemoveRequest(machineID: machineID), RemoveResponse(),
      PauseRequest(machineID: machineID), PauseRequest(machineID: machineID, reason: "é"),
      PauseResponse(), ResumeRequest(machineID: machineID), ResumeResponse(),
      ListRequest(namespace: "orders"),
      ListRequest(
        namespace: "orders", statusFilter: .retrying, idPrefix: "é", pageSize: .max,
        pageToken: "t"),
      ListRequest(
        namespace: "orders", statusFilter: .late, failedSince: .earliest, failedCode: 0),
      ListRequest(namespace: "orders", failedSince: moment, failedCode: 16),
      ListResponse(machines: []),
      ListResponse(machines: [emptyMachine, failedMachine], nextPageToken: "t"),
      TraceRequest(machineID: machineID),
      TraceRequest(machineID: machineID, beforeSequence: .max, limit: 1_000),
      TraceResponse(steps: []), TraceResponse(steps: steps, next: 1),
      CountRequest(namespace: "orders"), CountResponse(counts: []),
      CountResponse(counts: [
        StatusCount(status: .any, count: 0, isCapped: false),
        StatusCount(status: .late, count: StatusCount.maximum, isCapped: true),
      ]),
      ListNotificationsRequest(machineID: machineID),
      ListNotificationsRequest(machineID: machineID, pageSize: .max, pageToken: "t"),
      ListNotificationsResponse(notifications: []),
      ListNotificationsResponse(notifications: notifications, nextPageToken: "t"),
      DropNotificationRequest(machineID: machineID, notificationID: "1-2"),
      DropNotificationResponse(),
      ListMessagesRequest(machineID: machineID),
      ListMessagesRequest(machineID: machineID, pageSize: .max, pageToken: "t"),
      ListMessagesResponse(messages: []),
      ListMessagesResponse(messages: pending, nextPageToken: "t"),
      DropMessageRequest(machineID: machineID, number: .max), DropMessageResponse(),
      RetryMessageRequest(machineID: machineID, number: 1), RetryMessageResponse(),
    ] + starting + watching + transfer
  }

  private static var starting: [any ProtobufMessage] {
    [
      StartOrCallRequest(machineID: machineID, startArgs: []),
      StartOrCallRequest(
        machineID: machineID, startArgs: payload, args: payload, historyRange: range,
        idempotencyKey: "key", expectedLastEventID: 0),
      StartOrCallResponse(), StartOrCallResponse(response: payload),
      StartOrNotifyRequest(machineID: machineID, startArgs: []),
      StartOrNotifyRequest(
        machineID: machineID, startArgs: payload, args: payload, historyRange: range,
        idempotencyKey: "key", expectedLastEventID: .max),
      StartOrNotifyResponse(notificationID: "1-2-3"),
    ]
  }

  private static var watching: [any ProtobufMessage] {
    [
      WatchRequest(machineID: machineID), WatchRequest(machineID: machineID, afterEventID: .max),
      WatchResponse.machine(fullMachine), WatchResponse.machine(failedMachine),
      WatchResponse.event(fullMachine.history[0]), WatchResponse.heartbeat,
    ]
  }

  static let retry = RetryState(
    attempt: 3, nextAttemptAt: .latest, lastCode: 14, lastMessage: "é")
  static let metadata = [CallerContext.Entry(name: "x-a", value: "é")]

  /// A machine on its way, in pieces.
  static let parts: [MachinePart] = [
    .head(PortableMachine(id: "m", createdAt: moment)),
    .head(
      PortableMachine(
        id: "заказ", createdAt: .earliest, since: .latest,
        failure: Failure(
          reason: "é", failedAt: moment, stepKind: .call, code: 13, attempts: 1, step: "c-1-2",
          principal: "é"),
        pause: Pause(pausedAt: moment, reason: "é", principal: "é"),
        auxState: Content(formatVersion: 1, data: payload),
        timer: PortableTimer(
          firesAt: .earliest, historyRange: range, processingTimeout: 1, metadata: metadata,
          retry: retry), lastEventID: .max, queuedNotifications: .max, waitingFor: "é")),
    .events([]), .events(fullMachine.history), .notifications([]),
    .notifications([
      PortableNotification(acceptedAt: .earliest),
      PortableNotification(
        acceptedAt: moment, args: payload, historyRange: range, metadata: metadata, retry: retry),
    ]), .end(MachineEnd(id: "m")), .end(MachineEnd(id: "m", discarded: "é")),
  ]

  private static var transfer: [any ProtobufMessage] {
    [
      ExportRequest(namespace: "n"),
      ExportRequest(namespace: "n", ids: ["a", "é"], afterID: "a", pageToken: "t"),
      ExportResponse(parts: []), ExportResponse(parts: parts, nextPageToken: "t"),
      ImportRequest(namespace: "", parts: []), ImportRequest(namespace: "n", parts: parts),
      ImportResponse(),
    ]
  }

  private static var processor: [any ProtobufMessage] {
    let signals: [Signal] = [
      .initialize(args: []), .initialize(args: payload), .timeout,
      .notification(args: [], notificationID: ""),
      .notification(args: payload, notificationID: "1-2-3"),
      .notification(args: payload, notificationID: "1-2-3", sender: machineID),
      .undelivered(
        UndeliveredMessage(target: machineID, name: "", code: 5, reason: "é", args: [])),
      .undelivered(
        UndeliveredMessage(target: machineID, name: "é", code: .max, reason: "", args: payload)),
    ]
    var messages: [any ProtobufMessage] = signals.map {
      ProcessSignalRequest(signal: $0, machine: fullMachine)
    }
    for answer in answers {
      var called = answer
      called.response = payload
      messages.append(ProcessSignalResponse(answer: answer))
      messages.append(ProcessCallResponse(answer: called))
      messages.append(ProcessRepairResponse(answer: called))
    }
    messages.append(ProcessCallRequest(machine: emptyMachine))
    messages.append(
      ProcessCallRequest(args: payload, machine: fullMachine, idempotencyKey: "key"))
    messages.append(ProcessRepairRequest(machine: failedMachine))
    messages.append(
      ProcessRepairRequest(args: payload, machine: failedMachine, idempotencyKey: "key"))
    return messages
  }

  private static var administration: [any ProtobufMessage] {
    var messages: [any ProtobufMessage] = []
    for namespace in namespaces {
      messages.append(CreateNamespaceRequest(namespace: namespace))
      messages.append(CreateNamespaceResponse(namespace: namespace))
      messages.append(GetNamespaceResponse(namespace: namespace))
      messages.append(UpdateNamespaceRequest(namespace: namespace))
      messages.append(UpdateNamespaceResponse(namespace: namespace))
      messages.append(PauseNamespaceResponse(namespace: namespace))
      messages.append(ResumeNamespaceResponse(namespace: namespace))
    }
    messages.append(PauseNamespaceRequest(name: "a", reason: "é"))
    messages.append(ResumeNamespaceRequest(name: "a"))
    messages.append(GetNamespaceRequest(name: "a"))
    messages.append(DeleteNamespaceRequest(name: "a"))
    messages.append(DeleteNamespaceResponse())
    messages.append(ListNamespacesRequest())
    messages.append(ListNamespacesResponse(namespaces: []))
    messages.append(ListNamespacesResponse(namespaces: namespaces))
    return messages
  }

  private static var repairJobs: [any ProtobufMessage] {
    let spec = RepairJobSpec(
      namespace: "n", failedSince: Timestamp(microseconds: 1),
      failedUntil: Timestamp(microseconds: 2_000_000), idPrefix: "p", failureContains: "ü",
      method: .processor(args: [0, 255]), rate: 7, dryRun: true, reason: "r", requestedBy: "ann")
    var simple = spec
    simple.method = .simple
    simple.failedUntil = nil
    let job = RepairJob(
      id: "j", spec: spec, state: .cancelled, createdAt: Timestamp(microseconds: 3),
      finishedAt: Timestamp(microseconds: 4), matched: 5, remaining: 6, failed: 7, repaired: 8)
    let failure = RepairJobFailure(
      machine: "m", code: 10, reason: "R", message: "ü", at: Timestamp(microseconds: 9))
    let machine = RepairJobMachine(
      machine: "m", failedAt: Timestamp(microseconds: 9), failureReason: "ü")
    return [
      CreateRepairJobRequest(id: "j", spec: spec), CreateRepairJobRequest(spec: simple),
      CreateRepairJobResponse(job: job), GetRepairJobRequest(id: "j"),
      GetRepairJobResponse(job: RepairJob(id: "j", spec: simple, createdAt: .earliest)),
      CancelRepairJobRequest(id: "j"), CancelRepairJobResponse(job: job),
      ListRepairJobsRequest(namespace: "n", pageSize: 5, pageToken: "t"), ListRepairJobsRequest(),
      ListRepairJobsResponse(jobs: [job, job], nextPageToken: "t"),
      ListRepairJobFailuresRequest(id: "j", pageSize: 5, pageToken: "t"),
      ListRepairJobFailuresResponse(failures: [failure], nextPageToken: "t"),
      ListRepairJobRemainingRequest(id: "j", pageSize: 5, pageToken: "t"),
      ListRepairJobRemainingResponse(machines: [machine], nextPageToken: "t"),
    ]
  }

  private static var cluster: [any ProtobufMessage] {
    let node = ClusterNode(
      id: "1", name: "é", address: "h:1", version: "1.2.3", startedAt: moment, leaseUntil: .latest,
      shards: 7, isSelf: true)
    let bare = ClusterNode(id: "2", name: "", startedAt: .earliest, leaseUntil: .earliest)
    let database = ClusterDatabase(version: "15.4", sizeBytes: 1 << 40, oldestTransaction: 0.25)
    return [
      ClusterStatusRequest(),
      ClusterStatusResponse(
        state: ClusterState(
          nodes: [node, bare], shards: 1_024, unownedShards: 3, database: database)),
      ClusterStatusResponse(
        state: ClusterState(
          nodes: [], shards: 0, unownedShards: 0, database: ClusterDatabase(version: ""))),
    ]
  }

  private static var traces: [any ProtobufMessage] {
    let context = SpanContext(traceID: TraceID(high: 1, low: .max), spanID: 1 << 63, flags: 1)
    var span = TraceSpan(
      context, state: "v=1", parent: 1, name: "é", kind: .client, startedAt: 1, endedAt: .max)
    span.attributes = [SpanAttribute("a", "é"), SpanAttribute("b", 7), SpanAttribute("c", 0)]
    span.links = [context, SpanContext(traceID: TraceID(high: 0, low: 1), spanID: 1, flags: 0)]
    span.droppedLinks = 3
    span.isError = true
    let bare = TraceSpan(context, name: "", kind: .internal, startedAt: 0, endedAt: 0)
    return [
      ExportSpansRequest(),
      ExportSpansRequest(
        resource: [SpanAttribute("service.name", "p")], scope: "s", scopeVersion: "1",
        spans: [span, bare]),
      ExportSpansResponse(), ExportSpansResponse(rejected: 3, message: "é"),
    ]
  }

  private static var standard: [any ProtobufMessage] {
    [
      RichStatus(code: 0, message: ""),
      RichStatus(
        code: 9, message: "é", details: [AnyMessage(typeURL: "a/b", value: payload)]),
      ErrorInfo(reason: "R", domain: "d"),
      ErrorInfo(reason: "R", domain: "d", metadata: ["a": "1", "b": ""]),
      HealthCheckRequest(), HealthCheckRequest(service: "s"),
      HealthCheckResponse(status: .unknown), HealthCheckResponse(status: .serviceUnknown),
      HealthListRequest(),
      HealthListResponse(statuses: ["": .serving, "s": .notServing]),
    ]
  }
}
