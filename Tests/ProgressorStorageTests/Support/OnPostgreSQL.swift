import TestThreads
import Testing

/// Every suite that needs a server: one test at a time, since each opens half a dozen sessions.
@Suite("On PostgreSQL", .serialized, .ownThreads)
enum OnPostgreSQL {}
