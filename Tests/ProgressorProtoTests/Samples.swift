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
    pause: Pause(pausedAt: moment, reason: "é"))

  static let failedMachine = Machine(
    machineID: machineID,
    status: .failed(
      Failure(reason: "é", failedAt: moment, stepKind: .call, code: 13, attempts: 1)),
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
  ]

  static let namespaces: [Namespace] = [
    Namespace(name: "a", processor: ProcessorOptions(endpoint: "h:1")),
    Namespace(
      name: "a",
      processor: ProcessorOptions(
        endpoint: "unix:/p", timeout: 1_500_000, maxInFlight: 1, connections: 1),
      retryPolicy: RetryPolicy(
        initialInterval: 0, multiplier: 1, maxInterval: 0, maxAttempts: 0, jitter: 0,
        nonRetryable: ["RESOURCE_EXHAUSTED", "OUT_OF_STOCK"]),
      limits: Limits(mailbox: 1, stepsInFlight: .max, notifications: 2),
      defaultHistoryRange: HistoryRange(limit: 10, direction: .backward),
      idempotencyRetention: 0, version: 4, pause: Pause(pausedAt: moment, reason: "é")),
  ]

  static var all: [any ProtobufMessage] {
    automaton + processor + administration + repairJobs + standard
  }

  private static var automaton: [any ProtobufMessage] {
    [
      StartRequest(machineID: machineID),
      StartRequest(machineID: machineID, args: payload, idempotencyKey: "key"),
      StartResponse(),
      CallRequest(machineID: machineID),
      CallRequest(
        machineID: machineID, args: payload, historyRange: HistoryRange(), idempotencyKey: "key"),
      CallResponse(), CallResponse(response: payload),
      NotifyRequest(machineID: machineID),
      NotifyRequest(
        machineID: machineID, args: payload, historyRange: range, idempotencyKey: "key"),
      NotifyResponse(notificationID: "1-2-3"),
      RepairRequest(machineID: machineID),
      RepairRequest(
        machineID: machineID, args: payload, historyRange: range, idempotencyKey: "key"),
      RepairResponse(response: payload),
      SimpleRepairRequest(machineID: machineID), SimpleRepairResponse(),
      GetRequest(machineID: machineID), GetRequest(machineID: machineID, historyRange: range),
      GetResponse(machine: emptyMachine), GetResponse(machine: fullMachine),
      GetResponse(machine: failedMachine),
      RemoveRequest(machineID: machineID), RemoveResponse(),
      PauseRequest(machineID: machineID), PauseRequest(machineID: machineID, reason: "é"),
      PauseResponse(), ResumeRequest(machineID: machineID), ResumeResponse(),
      ListRequest(namespace: "orders"),
      ListRequest(
        namespace: "orders", statusFilter: .retrying, idPrefix: "é", pageSize: .max,
        pageToken: "t"),
      ListResponse(machines: []),
      ListResponse(machines: [emptyMachine, failedMachine], nextPageToken: "t"),
    ]
  }

  private static var processor: [any ProtobufMessage] {
    let signals: [Signal] = [
      .initialize(args: []), .initialize(args: payload), .timeout,
      .notification(args: [], notificationID: ""),
      .notification(args: payload, notificationID: "1-2-3"),
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
