import MachineModel

// What values take in memory beside their place in what holds them, in bytes, about: what malloc
// gives out for them, headers included. A test compares the sums with what the process really
// takes.

/// The header of an array or a text of its own, and what malloc adds.
private let headerBytes = 48

extension [UInt8] {
  var heapBytes: Int { isEmpty ? 0 : count + headerBytes }
}

extension String {
  /// Up to 15 bytes stand in the place of the text itself.
  var heapBytes: Int { utf8.count <= 15 ? 0 : utf8.count + headerBytes }
}

extension CallerContext {
  var heapBytes: Int { entryBytes + (principal?.heapBytes ?? 0) }

  private var entryBytes: Int {
    if entries.isEmpty { return 0 }
    // Many can only be short ones: they are not worth to be looked at each.
    if entries.count > 32 {
      return CallerContext.maximumBytes + entries.count * (MemoryLayout<Entry>.stride + headerBytes)
    }
    return entries.reduce(headerBytes) {
      $0 + MemoryLayout<Entry>.stride + $1.name.heapBytes + $1.value.heapBytes
    }
  }
}

extension MachineRow {
  var heapBytes: Int {
    var sum = auxState?.data.heapBytes ?? 0
    if let failure {
      sum += failure.reason.heapBytes + failure.step.heapBytes
      sum += failure.principal?.heapBytes ?? 0
    }
    if let pause { sum += pause.reason.heapBytes + (pause.principal?.heapBytes ?? 0) }
    sum += waitingFor?.heapBytes ?? 0
    if let timer { sum += timer.context.heapBytes + (timer.retry?.lastMessage.heapBytes ?? 0) }
    return sum
  }
}

extension QueuedNotification {
  /// With its place in a queue.
  var bytes: Int {
    MemoryLayout<QueuedNotification>.stride + notificationID.heapBytes + args.heapBytes
      + context.heapBytes + (retry?.lastMessage.heapBytes ?? 0)
  }
}

extension ImportedMachine {
  var heapBytes: Int {
    var sum = head.id.heapBytes + (head.auxState?.data.heapBytes ?? 0) + 8_192
    for event in events { sum += MemoryLayout<Event>.stride + event.body.data.heapBytes }
    for notification in notifications {
      sum += MemoryLayout<PortableNotification>.stride + notification.args.heapBytes
      sum += notification.metadata.isEmpty ? 0 : CallerContext.maximumBytes
    }
    return sum
  }
}

extension Request {
  /// With its places in the tables of requests, deadlines and waiting ones.
  var bytes: Int { 832 + machine.id.heapBytes + heapBytes }

  /// What the client sent.
  var heapBytes: Int {
    let form = operation.form
    let sent =
      switch form.payload {
      case .nothing: 0
      case .args(let args): args.heapBytes
      case .startAndArgs(let start, let args): start.heapBytes + args.heapBytes
      case .text(let text): text.heapBytes
      case .machine(let machine): machine.heapBytes
      }
    return sent + (form.key?.heapBytes ?? 0) + context.heapBytes
  }

  /// What of it its notification has.
  var notificationBytes: Int {
    guard case .startAndArgs(let start, _) = operation.form.payload else { return heapBytes }
    return heapBytes - start.heapBytes
  }
}
