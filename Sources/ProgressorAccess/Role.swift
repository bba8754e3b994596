/// What a caller may do, in the words of the rules.
///
/// No role includes another: who only drives machines has no need to read them.
public enum Role: String, Sendable, Hashable, CaseIterable {
  /// Looks at machines, namespaces and repair jobs.
  case read
  /// Starts machines, calls and notifies them.
  case drive
  /// Repairs, removes, pauses and resumes.
  case operate
  /// Creates, changes and deletes namespaces.
  case administer
}

/// Whether a caller sees the bytes that clients and processors put into machines.
public enum PayloadVisibility: String, Sendable, Hashable, CaseIterable {
  /// Everything is shown.
  case visible
  /// Bytes of events, aux state, args and responses are left out.
  case hidden
}
