package import MachineModel
package import ProgressorEngine

/// What clients do. Each returns the number under which the reply comes, if it has not come
/// already; without `within` a client waits without end.
extension World {
  @discardableResult
  package func start(
    _ id: String, in namespace: String = "n", args: [UInt8] = [], key: String? = nil,
    within deadline: Duration? = nil
  ) -> RequestID {
    ask(.start(args: args, key: key), id, in: namespace, within: deadline)
  }

  @discardableResult
  package func call(
    _ id: String, in namespace: String = "n", args: [UInt8] = [], key: String? = nil,
    within deadline: Duration? = nil
  ) -> RequestID {
    ask(.call(args: args, range: nil, key: key), id, in: namespace, within: deadline)
  }

  @discardableResult
  package func notify(
    _ id: String, in namespace: String = "n", args: [UInt8] = [], key: String? = nil,
    within deadline: Duration? = nil
  ) -> RequestID {
    ask(.notify(args: args, range: nil, key: key), id, in: namespace, within: deadline)
  }

  @discardableResult
  package func get(_ id: String, in namespace: String = "n") -> RequestID {
    ask(.get(range: nil), id, in: namespace)
  }

  @discardableResult
  package func remove(_ id: String, in namespace: String = "n") -> RequestID {
    ask(.remove, id, in: namespace)
  }

  @discardableResult
  package func ask(
    _ operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n",
    within deadline: Duration? = nil, by principal: String? = nil, expecting last: Int64? = nil
  ) -> RequestID {
    var request = request(operation, id, in: namespace, within: deadline, by: principal)
    request.expectedLastEventID = last
    play([.request(request)])
    return request.id
  }

  /// The reply to what is answered at once.
  package func reply(
    to operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n"
  ) -> Reply? {
    replies[ask(operation, id, in: namespace)]
  }

  /// A request for the engine, which has not heard of it yet.
  package func request(
    _ operation: ProgressorEngine.Operation, _ id: String, in namespace: String = "n",
    within deadline: Duration? = nil, by principal: String? = nil
  ) -> Request {
    Request(
      id: nextRequestID(), machine: MachineID(namespace: namespace, id: id), operation: operation,
      deadline: deadline.map { (now + $0).uptime } ?? .max,
      context: CallerContext(principal: principal))
  }

  package func cancel(_ id: RequestID) { play([.cancelled(id)]) }
}

extension Reply {
  package var error: ProgressorError? {
    if case .error(let error) = self { error } else { nil }
  }

  package var shownMachine: Machine? {
    if case .machine(let machine) = self { machine } else { nil }
  }
}
